// Who looks at which chat. `?still` in the address draws the chat once, for pictures;
// `&from=7` leaves out what is older than message 7, `&folded` the keyboard below the text field.
const asked = new URLSearchParams(location.search);

export const still = asked.has("still");
export const folded = asked.has("folded");
export const from = Number(asked.get("from") ?? 0);

export const state = {
  people: [], bots: [], groups: [],
  /** The person whose app this is. */
  me: null,
  /** `{ key, name, query, bot? , group? }` */
  chat: null,
  /** The chat as the simulator tells it. */
  view: null,
};

/** Chats of the person: with each bot, and the groups where a bot is. */
export function places() {
  const bots = state.bots.map(bot => ({ key: "b" + bot.id, name: bot.first_name, id: bot.id, query: { bot_id: bot.id }, bot }));
  const groups = state.groups
    .filter(group => !group.migrated_to && group.bot_ids.length && group.person_ids.includes(state.me?.id))
    .map(group => ({ key: "g" + group.id, name: group.title, id: -group.id, query: { chat_id: group.id, bot_id: group.bot_ids[0] }, group }));
  return bots.concat(groups);
}

export function nameOf(message) {
  const all = message.from_bot ? state.bots : state.people;
  return all.find(one => one.id === message.from_id)?.first_name ?? String(message.from_id);
}
