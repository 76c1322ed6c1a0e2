"use strict";
// Lists the operations of openapi.json and sends requests from forms made of them.
// Everything from the document or a response is put in as text, never as HTML.

const byId = (id) => document.getElementById(id);

function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

let api;

function resolve(value) {
  if (!value || !value.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((node, part) => node[part], api);
}

// A written-down time is soon past: tomorrow at this hour instead.
function tomorrow() {
  const time = new Date(Date.now() + 86400000);
  time.setUTCMinutes(0, 0, 0);
  return time.toISOString().replace(".000Z", "Z");
}

// An example for a schema: its own, or one made of its properties' examples.
function example(schema) {
  schema = resolve(schema);
  if (!schema) return undefined;
  if (schema.format === "date-time") return tomorrow();
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  const options = schema.oneOf || schema.anyOf;
  if (options) return example(options.find((option) => option.type !== "null"));
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== "null") : schema.type;
  if (type === "object") {
    const required = new Set(schema.required || []);
    const entries = Object.entries(schema.properties || {})
      .filter(([name, property]) => required.has(name) || resolve(property).example !== undefined)
      .map(([name, property]) => [name, example(property)]);
    return Object.fromEntries(entries);
  }
  if (type === "array") return [example(schema.items)];
  if (type === "integer" || type === "number") return 1;
  if (type === "boolean") return false;
  return "";
}

// A new random value, also where the page is not served over HTTPS.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function field(parameter) {
  const isKey = parameter.in === "header" && parameter.name.toLowerCase() === "idempotency-key";
  const input = element("input", {
    value: isKey ? newKey() : "",
    placeholder: String(parameter.example ?? (parameter.schema || {}).format ?? ""),
    required: Boolean(parameter.required),
    autocomplete: "off",
  });
  input.dataset.name = parameter.name;
  input.dataset.place = parameter.in;
  const title = `${parameter.name} (${parameter.in}${parameter.required ? ", required" : ""})`;
  const hint = element("span", { className: "hint", textContent: parameter.description || "" });
  const label = element("label", {}, title, input, hint);
  if (isKey) {
    const again = element("button", { type: "button", textContent: "Another key, for another request" });
    again.addEventListener("click", () => { input.value = newKey(); });
    label.append(again);
  }
  return label;
}

function takes(operation, scheme) {
  return (operation.security || []).some((requirement) => scheme in requirement);
}

function build(path, method, operation, form) {
  let target = path;
  const query = new URLSearchParams();
  const headers = new Headers();
  for (const input of form.querySelectorAll("input[data-name]")) {
    const { name, place } = input.dataset;
    if (place === "path") target = target.replace(`{${name}}`, encodeURIComponent(input.value));
    else if (input.value === "") continue;
    else if (place === "query") query.set(name, input.value);
    else if (place === "header") headers.set(name, input.value);
  }
  const key = byId("service-key").value;
  const user = byId("acting-user").value;
  if (key && takes(operation, "service_key")) headers.set("X-Service-Key", key);
  if (user && takes(operation, "acting_user")) headers.set("X-Acting-User", user);
  const request = { method: method.toUpperCase(), headers };
  const body = form.querySelector("textarea");
  if (body) {
    headers.set("Content-Type", "application/json");
    request.body = body.value;
  }
  return [query.size ? `${target}?${query}` : target, request];
}

async function send(path, method, operation, form, output) {
  output.textContent = "…";
  try {
    const [url, request] = build(path, method, operation, form);
    const begun = performance.now();
    const response = await fetch(url, request);
    const text = await response.text();
    const took = Math.round(performance.now() - begun);
    const lines = [`${response.status} ${response.statusText} (${took} ms)`];
    for (const [name, value] of response.headers) lines.push(`${name}: ${value}`);
    let shown = text;
    try {
      shown = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      // Not JSON: shown as it is.
    }
    output.textContent = `${request.method} ${url}\n\n${lines.join("\n")}\n\n${shown}`;
  } catch (error) {
    output.textContent = `not sent, or no answer: ${error.message}`;
  }
}

function card(path, method, operation) {
  const form = element("form");
  if (operation.description) {
    form.append(element("p", { className: "hint", textContent: operation.description }));
  }
  for (const parameter of operation.parameters || []) form.append(field(resolve(parameter)));
  const content = resolve(operation.requestBody)?.content?.["application/json"];
  if (content) {
    const value = JSON.stringify(content.example ?? example(content.schema), null, 2);
    form.append(element("label", {}, "body (application/json)", element("textarea", { value, spellcheck: false })));
  }
  const answers = Object.entries(operation.responses)
    .map(([status, response]) => `${status} ${resolve(response).description}`)
    .join("\n");
  const output = element("pre", { textContent: answers });
  form.append(element("button", { textContent: "Send" }), output);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(path, method, operation, form, output);
  });
  const summary = element(
    "summary",
    {},
    element("span", { className: "method", textContent: method.toUpperCase() }),
    element("code", { textContent: path }),
    ` ${operation.summary || ""}`,
  );
  const details = element("details", {}, summary, form);
  details.id = operation.operationId;
  return details;
}

async function start() {
  const main = byId("operations");
  try {
    api = await (await fetch("/api/v1/openapi.json")).json();
  } catch (error) {
    main.textContent = `openapi.json cannot be loaded: ${error.message}`;
    return;
  }
  byId("version").textContent = api.openapi;
  byId("about").textContent = api.info.description;
  main.textContent = "";
  for (const tag of api.tags || []) {
    main.append(element("h2", { textContent: tag.name }), element("p", { textContent: tag.description }));
    for (const [path, item] of Object.entries(api.paths)) {
      for (const method of ["get", "post", "put", "patch", "delete"]) {
        const operation = item[method];
        if (operation && (operation.tags || []).includes(tag.name)) main.append(card(path, method, operation));
      }
    }
  }
}

start();
