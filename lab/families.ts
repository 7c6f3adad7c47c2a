import type { BgpSpeaker, Family } from "./model";

/** Whether a speaker has anything to do with a family: it originates routes of it, or exchanges them. */
export function carries({ families, peerGroups, neighbors }: BgpSpeaker, family: Family): boolean {
    const own = neighbors.flatMap(({ session }) => (session.kind === "own" ? [session.settings] : []));
    const sessions = [...peerGroups.map(({ settings }) => settings), ...own];
    return [...families, ...sessions.flatMap((session) => session.families)].some((each) => each.family === family);
}
