// One message: its text with its formatting, its picture, its buttons.
import { act, ask, icon, isLink, make } from "./dom.js";
import { nameOf, state } from "./state.js";
import { clock, wordsOf } from "./words.js";

const TAGS = {
  bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "code", text_link: "a",
  spoiler: "span", blockquote: "span", expandable_blockquote: "span",
};
/** What Telegram's apps make a link of by themselves. */
const FOUND = /(?<![\w/])\/[a-z][a-z0-9_]{0,31}\b(?![/.])|https?:\/\/[^\s<>]+[^\s<>.,:;!?)»”]/g;
/** A press that nobody acknowledges stops blinking. */
const PATIENCE_MS = 10_000;

export const say = text => act(() => ask(`/sim/people/${state.me.id}/send`, "POST", { ...state.chat.query, text }));
/** A button below the text field: as the app does, so that one that asks for a location gives it. */
export const pressBelow = text => act(() => ask(`/sim/people/${state.me.id}/press`, "POST", { ...state.chat.query, text }));

function link(url, ...children) {
  const target = isLink(url) ? { href: url, target: "_blank", rel: "noopener noreferrer" } : {};
  return make("a", target, ...children);
}

function found(text) {
  if (!text.startsWith("/")) return link(text, text);
  const command = make("a", { href: "#", textContent: text });
  command.onclick = event => { event.preventDefault(); say(text); };
  return command;
}

/** Plain text; commands and addresses in it can be pressed. */
function plain(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(FOUND)) {
    parts.push(text.slice(end, match.index), found(match[0]));
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end)].filter(part => part !== "");
}

function wrapped(entity, nodes) {
  if (entity.type === "text_link") return link(entity.url, ...nodes);
  const element = make(TAGS[entity.type], {}, ...nodes);
  if (entity.type === "spoiler") element.className = "spoiler";
  if (entity.type.endsWith("blockquote")) element.className = "quote";
  return element;
}

/** Entities count in UTF-16 units, as strings do here. */
function rich({ text, entities }) {
  const known = entities.filter(entity => TAGS[entity.type]);
  const edges = known.flatMap(entity => [entity.offset, entity.offset + entity.length]);
  const cuts = [...new Set([0, text.length, ...edges])].sort((a, b) => a - b);
  return cuts.slice(0, -1).flatMap((start, index) => {
    const part = text.slice(start, cuts[index + 1]);
    const around = known.filter(entity => entity.offset <= start && start < entity.offset + entity.length);
    const bare = around.some(entity => TAGS[entity.type] === "code" || TAGS[entity.type] === "a");
    return around.reverse().reduce((nodes, entity) => [wrapped(entity, nodes)], bare ? [part] : plain(part));
  });
}

function key(message, button) {
  if (button.url) {
    const opened = link(button.url, button.text);
    opened.className = "link";
    return opened;
  }
  const pressed = make("button", { textContent: button.text });
  pressed.onclick = () => act(async () => {
    pressed.classList.add("busy");
    setTimeout(() => pressed.classList.remove("busy"), PATIENCE_MS);
    const press = { ...state.chat.query, message_id: message.message_id, data: button.data, text: button.text };
    const answer = await ask(`/sim/people/${state.me.id}/press`, "POST", press);
    if (answer.callback_query_id) pressed.dataset.query = answer.callback_query_id;
  });
  return pressed;
}

/** The buttons wait no longer for the answers to these presses. */
export function acknowledged(queries) {
  for (const button of document.querySelectorAll(".keys .busy")) {
    if (queries.has(button.dataset.query)) button.classList.remove("busy");
  }
}

/** `read`: the bot has written since. */
export function bubble(message, read) {
  const words = wordsOf(state.me);
  const mine = !message.from_bot && message.from_id === state.me.id;
  const stamp = make("span", { className: "stamp" }, (message.edited_unix_us && mine ? words.edited + " " : "") + clock(message.sent_unix_us));
  if (message.edited_unix_us) stamp.title = `${words.edited} ${clock(message.edited_unix_us)}`;
  if (mine) stamp.append(icon(read ? "read" : "sent"));
  const box = make("div", { className: "bubble" });
  const said = make("div", { className: "said" }, ...rich(message), stamp);
  if (state.chat.group && !mine) said.prepend(make("span", { className: "author", textContent: nameOf(message) }));
  if (message.photo) {
    box.classList.add("pictured");
    box.append(make("img", { src: message.photo, alt: words.picture }));
  }
  box.append(said);
  const row = make("div", { className: mine ? "row mine" : "row" }, box);
  if (message.inline_keyboard.length) {
    row.classList.add("keyed");
    const lines = message.inline_keyboard.map(line => make("div", {}, ...line.map(button => key(message, button))));
    row.append(make("div", { className: "keys" }, ...lines));
  }
  return row;
}
