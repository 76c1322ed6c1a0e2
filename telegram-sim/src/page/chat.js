// The chat that is open: follows what happens in it, and draws it.
import { $, act, alert, ask, make, paint, pause, toast } from "./dom.js";
import { acknowledged, bubble, pressBelow, say } from "./message.js";
import { folded, from, state, still } from "./state.js";
import { dayName, wordsOf } from "./words.js";

/** How long one look waits for news. */
const WAIT_MS = 20_000;
/** How long "typing…" stands, as in Telegram. */
const ACTION_MS = 5000;

let poll = null;
let answered = new Set();
let keysShown = !folded;
/** What is drawn of each message, by its id. */
let drawn = new Map();

/** Shows `state.chat` from now on. */
export function open() {
  poll?.abort();
  poll = null;
  state.view = null;
  answered = new Set();
  drawn = new Map();
  draw();
  if (state.chat) follow();
}

async function follow() {
  const mine = poll = new AbortController();
  const base = `/sim/people/${state.me.id}/chat?${new URLSearchParams(state.chat.query)}`;
  while (!mine.signal.aborted) {
    try {
      const after = state.view ? `&after=${state.view.revision}&wait_ms=${WAIT_MS}` : "";
      const view = await ask(base + after, "GET", null, mine.signal);
      if (mine.signal.aborted) return;
      show(view);
      if (still) return;
    } catch (error) {
      if (error.name === "AbortError") return;
      $("status").textContent = "the simulator does not answer";
      await pause(1000);
    }
  }
}

function show(view) {
  const before = state.view;
  if (before && view.revision === before.revision && view.action === before.action) return;
  state.view = view;
  draw();
  hear(view.callbacks, before === null);
  if (view.action) {
    setTimeout(() => { if (state.view === view) { view.action = null; draw(); } }, ACTION_MS);
  }
}

/** Answers to pressed buttons: those from before are old news. */
function hear(callbacks, silently) {
  for (const query of callbacks) {
    if (!query.answered || answered.has(query.callback_query_id)) continue;
    answered.add(query.callback_query_id);
    if (silently || !query.text) continue;
    if (query.show_alert) alert(query.text); else toast(query.text);
  }
  acknowledged(answered);
}

export function draw() {
  const { view, chat, me } = state;
  const words = wordsOf(me);
  const writes = Boolean(view && view.started && !view.blocked);
  document.documentElement.lang = me?.language_code ?? "en";
  head(view, chat, me, words);
  $("more").hidden = !(writes && chat.bot);
  $("start").hidden = !view || view.blocked || view.started;
  $("unblock").hidden = !view?.blocked;
  $("write").hidden = !writes;
  name(words);
  const box = $("messages");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  box.replaceChildren(...(view?.messages.length ? messages(view) : [nothing(view, chat, me, words)]));
  below(writes ? view : null);
  commands(view?.commands ?? []);
  if (atEnd) box.scrollTop = box.scrollHeight;
  document.body.dataset.drawn = String(Boolean(view));
}

function head(view, chat, me, words) {
  $("title").textContent = chat ? chat.name : me ? "No bot yet" : "Nobody yet";
  if (chat) paint($("face"), chat.id, chat.name); else $("face").textContent = "";
  const action = view?.action === "typing" ? words.typing : view?.action && view.action + "…";
  $("status").textContent = !chat ? "" : action ?? (chat.bot ? words.bot : words.group);
  $("status").className = action ? "busy" : "";
}

/** What the app itself says, in the person's language. */
function name(words) {
  $("block").textContent = words.block;
  $("unblock").textContent = words.unblock;
  $("start").textContent = words.start;
  $("text").placeholder = words.message;
  $("text").setAttribute("aria-label", words.message);
  $("send").setAttribute("aria-label", words.send);
  $("keys").setAttribute("aria-label", words.keyboard);
  $("commands").lastElementChild.textContent = words.menu;
}

function messages(view) {
  const shown = view.messages.filter(message => message.message_id >= from);
  const lastOfBot = shown.findLast(message => message.from_bot)?.message_id ?? 0;
  const parts = [];
  const kept = new Map();
  let day = "";
  for (const message of shown) {
    const named = dayName(message.sent_unix_us, state.me);
    if (named !== day) parts.push(make("div", { className: "day", textContent: day = named }));
    const read = message.message_id < lastOfBot;
    const looks = JSON.stringify([message, read]);
    const before = drawn.get(message.message_id);
    const row = before?.looks === looks ? before.row : bubble(message, read);
    kept.set(message.message_id, { looks, row });
    parts.push(row);
  }
  drawn = kept;
  return parts;
}

function nothing(view, chat, me, words) {
  let textContent = "…";
  if (!me) textContent = "Add a person: you will be them.";
  else if (!chat) textContent = "Waiting for a bot to call this server…";
  else if (view) textContent = words.empty(me.first_name, chat.name);
  return make("div", { className: "empty", textContent });
}

function below(view) {
  const rows = view?.reply_keyboard ?? [];
  $("keys").hidden = rows.length === 0;
  $("keys").setAttribute("aria-pressed", String(keysShown));
  const line = labels => make("div", {}, ...labels.map(label => make("button", { textContent: label, onclick: () => pressBelow(label) })));
  $("reply").replaceChildren(...(keysShown ? rows.map(line) : []));
}

function commands(all) {
  $("commands").hidden = all.length === 0;
  $("menu").replaceChildren(...all.map(one => {
    const item = make("button", {}, make("b", { textContent: "/" + one.command }), make("span", { textContent: one.description }));
    item.onclick = () => { $("menu").hidden = true; say("/" + one.command); };
    return item;
  }));
}

const turn = verb => act(() => ask(`/sim/people/${state.me.id}/${verb}?bot_id=${state.chat.query.bot_id}`, "POST"));

export function listen() {
  $("start").onclick = () => say("/start");
  $("unblock").onclick = () => turn("unblock");
  $("block").onclick = () => { $("actions").hidden = true; turn("block"); };
  $("more").onclick = () => { $("actions").hidden = !$("actions").hidden; };
  $("commands").onclick = () => { $("menu").hidden = !$("menu").hidden; };
  $("keys").onclick = () => { keysShown = !keysShown; draw(); };
  $("write").onsubmit = event => {
    event.preventDefault();
    const text = $("text").value.trim();
    if (!text) return;
    $("text").value = "";
    $("messages").scrollTop = $("messages").scrollHeight;
    say(text);
  };
  document.addEventListener("click", event => {
    for (const [popup, opener] of [["menu", "commands"], ["actions", "more"]]) {
      if (!$(popup).contains(event.target) && !$(opener).contains(event.target)) $(popup).hidden = true;
    }
  });
}
