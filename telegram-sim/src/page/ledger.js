// What bots asked and were told, and faults to come.
import { $, act, ask, make, pause } from "./dom.js";

const KEPT = 500;
const SHOWN_AT_FIRST = 300;
const rows = new Map();
let last = 0;
let reading = null;

export function stop() {
  reading?.abort();
  reading = null;
}

export function start() {
  act(showFaults);
  if (reading) return;
  reading = new AbortController();
  act(() => read(reading.signal));
}

async function read(signal) {
  if (last === 0) last = Math.max(0, (await ask("/sim/ledger?limit=1")).last_seq - SHOWN_AT_FIRST);
  while (!signal.aborted) {
    try {
      await readOn(signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      await pause(1000);
    }
  }
}

async function readOn(signal) {
  const page = await ask(`/sim/ledger?since=${last}&limit=300&wait_ms=20000`, "GET", null, signal);
  if (page.last_seq < last) {
    last = 0;
    rows.clear();
    $("rows").replaceChildren();
    return;
  }
  if (!page.entries.length) return;
  // The answer's time is noted a moment after the entry appears.
  await pause(30);
  const settled = await ask(`/sim/ledger?since=${last}&limit=${page.entries.length}`, "GET", null, signal);
  for (const entry of settled.entries) {
    last = entry.seq;
    const line = row(entry);
    rows.set(entry.seq, line);
    $("rows").prepend(line);
  }
  while (rows.size > KEPT) {
    const [oldest] = rows.keys();
    rows.get(oldest).remove();
    rows.delete(oldest);
  }
}

function row(entry) {
  const error = entry.answer?.description;
  const took = entry.answered_mono_us == null ? "" : ((entry.answered_mono_us - entry.received_mono_us) / 1000).toFixed(1) + " ms";
  const done = "ok" + (entry.answer?.message_id ? ` · message ${entry.answer.message_id}` : "");
  const answer = !entry.answer ? "none" : error ? `${entry.answer.status} ${error}` : done;
  const time = new Date(entry.received_unix_us / 1000);
  const received = time.toLocaleTimeString("en", { hourCycle: "h23" }) + "." + String(time.getMilliseconds()).padStart(3, "0");
  const cells = [
    ["num", entry.seq], ["num", received], ["num", entry.bot_id], ["", entry.method], ["num", entry.chat_id ?? ""],
    ["text", (entry.text ?? "").slice(0, 500)], [error || !entry.answer ? "bad" : "good", answer], ["num", took], ["bad", entry.fault ?? ""],
  ];
  return make("tr", { title: entry.traceparent ?? "" }, ...cells.map(([className, textContent]) => make("td", { className, textContent })));
}

async function showFaults() {
  const all = await ask("/sim/faults");
  $("faults").textContent = all.length ? `${all.length} waiting` : "";
}

function wanted() {
  const kind = $("kind").value;
  const times = Number($("times").value);
  const status = (code, description, retry_after) => ({ kind: "status", code, description, retry_after, times });
  if (kind === "delay") return { kind, ms: 3000, times };
  if (kind === "s429") return status(429, "Too Many Requests: retry after 3", 3);
  if (kind === "s500") return status(500, "Internal Server Error");
  return { kind, times };
}

export function listen() {
  $("fault").onsubmit = event => {
    event.preventDefault();
    act(async () => { await ask("/sim/faults", "POST", wanted()); await showFaults(); });
  };
  $("clear").onclick = () => act(async () => { await ask("/sim/faults", "DELETE"); await showFaults(); });
}
