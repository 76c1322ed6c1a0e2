// graphile-worker: `produce` or `work`. Tuned: it looks every 100 ms and keeps 500 jobs in
// memory. 64 jobs at once either way, as many as our own credit allows.
import { readFileSync } from "node:fs";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import Bottleneck from "bottleneck";
import { makeWorkerUtils, run } from "graphile-worker";

const connectionString = process.env.PEER_DATABASE_URL;
const tuned = process.env.PEER_TUNED === "yes";
const limited = process.env.PEER_LIMITS === "on";
const url = new URL(process.env.PEER_SEND_URL);

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

function post(chat) {
  const body = JSON.stringify({ chat_id: chat, text: "a reminder" });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: "POST", agent, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => (text += part));
      answer.on("end", () => resolve(JSON.parse(text)));
      answer.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

// As grammY's throttler limits: 30 a second, 20 a minute to a group.
const overall = new Bottleneck({
  reservoir: 30, reservoirRefreshAmount: 30, reservoirRefreshInterval: 1000,
});
const groups = new Bottleneck.Group({
  maxConcurrent: 1, minTime: 1000,
  reservoir: 20, reservoirRefreshAmount: 20, reservoirRefreshInterval: 60000,
});

function once(chat) {
  if (!limited) return post(chat);
  const throttled = () => overall.schedule(() => post(chat));
  return chat < 0 ? groups.key(String(chat)).schedule(throttled) : throttled();
}

async function send({ chat }) {
  for (;;) {
    const told = await once(chat);
    if (told.ok) return;
    if (told.error_code !== 429) throw new Error(JSON.stringify(told));
    await sleep(told.parameters.retry_after * 1000);
  }
}

async function produce() {
  const lines = readFileSync(process.env.PEER_SCHEDULE, "utf8").split("\n").filter(Boolean);
  const items = lines.map((line) => JSON.parse(line));
  const utils = await makeWorkerUtils({ connectionString });
  await utils.migrate();
  const ahead = items.filter((item) => !item.live);
  for (let start = 0; start < ahead.length; start += 1000) {
    const part = ahead.slice(start, start + 1000);
    await utils.addJobs(part.map((item) => ({
      identifier: "send", payload: { chat: item.chat }, runAt: new Date(item.at * 1000), priority: 10,
    })));
  }
  console.log("enqueued");
  for (const item of items.filter((item) => item.live).sort((a, b) => a.at - b.at)) {
    await sleep(Math.max(0, item.at * 1000 - Date.now()));
    await utils.addJob("send", { chat: item.chat }, { priority: 0 });
  }
  await utils.release();
}

async function work() {
  const worker = { connectionString, concurrentJobs: 64, maxPoolSize: 20 };
  if (tuned) Object.assign(worker, { pollInterval: 100, localQueue: { size: 500 } });
  const runner = await run({ taskList: { send }, preset: { worker } });
  console.log("ready");
  await runner.promise;
}

await { produce, work }[process.argv[2]]();
