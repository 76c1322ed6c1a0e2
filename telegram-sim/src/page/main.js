// The page: people on the left, and the chat of whoever was chosen. Who it is stands in the
// address, so that each tab can be another person.
import * as chat from "./chat.js";
import * as ledger from "./ledger.js";
import { $, act, ask, make, paint, pause } from "./dom.js";
import { places, state, still } from "./state.js";

/** People, bots and groups change rarely. */
const LOOK_MS = 1500;

function drawPeople() {
  $("people").replaceChildren(...state.people.map(person => {
    const about = make("span", {}, person.first_name, make("small", { textContent: `${person.language_code} · ${person.id}` }));
    const item = make("button", { className: "person" }, paint(make("div", { className: "face" }), person.id, person.first_name), about);
    item.setAttribute("aria-current", state.me?.id === person.id);
    item.onclick = () => { choose(person); show("chat"); };
    return item;
  }));
}

function choose(person, key) {
  state.me = person;
  history.replaceState(null, "", `${location.search}#${person.id}`);
  drawPeople();
  const all = places();
  state.chat = all.find(place => place.key === key) ?? all[0] ?? null;
  $("where").replaceChildren(...all.map(place => make("option", { value: place.key, textContent: place.name, selected: place === state.chat })));
  $("where").hidden = all.length < 2;
  chat.open();
}

function show(tab) {
  for (const one of ["chat", "ledger"]) {
    $(one).hidden = one !== tab;
    $("tab-" + one).setAttribute("aria-selected", one === tab);
  }
  document.body.dataset.pane = "chat";
  if (tab === "ledger") ledger.start(); else ledger.stop();
}

async function refresh() {
  const [people, bots, groups] = await Promise.all([ask("/sim/people"), ask("/sim/bots"), ask("/sim/groups")]);
  const shape = () => JSON.stringify([state.people, places().map(place => [place.key, place.name])]);
  const before = shape();
  Object.assign(state, { people, bots, groups });
  if (before === shape()) return;
  drawPeople();
  const named = people.find(person => "#" + person.id === location.hash);
  const wanted = state.me ?? named ?? people[0];
  if (!wanted) return;
  const changed = $("where").options.length !== places().length;
  if (!state.me && named) show("chat");
  if (!state.chat || changed) choose(wanted, state.chat?.key);
}

$("where").onchange = () => choose(state.me, $("where").value);
$("tab-chat").onclick = () => { show("chat"); document.body.dataset.pane = "people"; };
$("tab-ledger").onclick = () => show("ledger");
for (const back of document.querySelectorAll(".back")) {
  back.onclick = () => { document.body.dataset.pane = "people"; };
}
$("new").onsubmit = event => {
  event.preventDefault();
  act(async () => {
    const person = await ask("/sim/people", "POST", { first_name: $("name").value.trim(), language_code: $("language").value });
    $("name").value = "";
    await refresh();
    choose(person);
    show("chat");
  });
};
document.documentElement.classList.toggle("still", still);
chat.listen();
ledger.listen();
chat.draw();
do {
  try {
    await refresh();
  } catch {
    if (!state.people.length) $("status").textContent = "the simulator does not answer";
  }
  if (!still) await pause(LOOK_MS);
} while (!still);
