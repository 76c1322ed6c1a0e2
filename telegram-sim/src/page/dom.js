// Elements and questions to the simulator. Nothing here or elsewhere writes markup: what bots
// and people say becomes text nodes.
export const $ = id => document.getElementById(id);

export function make(tag, props = {}, ...children) {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...children);
  return element;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#i-" + name);
  svg.append(use);
  return svg;
}

/** A round picture of somebody: their first letter on a colour of their own. */
export function paint(face, id, name) {
  face.textContent = [...name][0] ?? "";
  face.style.background = `linear-gradient(hsl(${(id * 67) % 360} 62% 62%), hsl(${(id * 67) % 360} 60% 47%))`;
  return face;
}

export const pause = ms => new Promise(done => setTimeout(done, ms));

export async function ask(path, method = "GET", body, signal) {
  const headers = body ? { "content-type": "application/json" } : {};
  const response = await fetch(path, { method, signal, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  const answer = text ? JSON.parse(text) : null;
  if (!response.ok) throw new Error(answer?.error ?? response.status);
  return answer;
}

let fades = 0;
export function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("on");
  clearTimeout(fades);
  fades = setTimeout(() => $("toast").classList.remove("on"), 3000);
}

export function alert(text) {
  $("alert").firstElementChild.textContent = text;
  if (!$("alert").open) $("alert").showModal();
}

/** Does it, and says what went wrong. */
export async function act(step) {
  try {
    return await step();
  } catch (error) {
    if (error.name !== "AbortError") toast(error.message);
    return undefined;
  }
}

/** Only these may be opened. */
export const isLink = url => /^(https?|tg):/i.test(url ?? "");
