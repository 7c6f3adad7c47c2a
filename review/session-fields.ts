/** What differs about a session that both revisions have. */

import { type Facts, facts, fieldChanges, joined, noFacts } from "./facts";
import type { FieldChange } from "./review";
import type { End, Session } from "./session-ends";
import { type ConfiguredEnd, filterFacts } from "./session-facts";

/** Fields of a session that differ: what its ends agree on, who they are, and their settings. */
export function sessionFields(before: Session, after: Session): readonly FieldChange[] {
    const ends = [0, 1].map((place) => [before.ends[place]!, after.ends[place]!] as const);
    const [local = [], remote = []] = ends.map(([was, is]) => endFields(was, is));
    const shared = local.filter((field) => remote.some((other) => JSON.stringify(other) === JSON.stringify(field)));
    const names = new Set(shared.map(({ field }) => field));
    const own = (changes: readonly FieldChange[], { device }: End) =>
        changes
            .filter(({ field }) => !names.has(field))
            .map((change) => ({ ...change, field: `${change.field} of ${device}` }));
    return [
        ...commonChanges(before, after).filter((common) => !shared.some((field) => says(field, common))),
        ...ends.flatMap(([was, is], place) => identityFields(was, is, ends[1 - place]!)),
        ...shared,
        ...own(local, after.ends[0]),
        ...own(remote, after.ends[1]),
    ];
}

/** Whether a field that changes alike at both ends says what they agree on as well. */
function says({ field, before, after }: FieldChange, common: FieldChange): boolean {
    return common.field === `agreed ${field}` && common.before === before && common.after === after;
}

/** What both ends make together. A session that loses one of them has nothing else in its place. */
function commonChanges(...sides: readonly [Session, Session]): readonly FieldChange[] {
    const [before, after] = sides.map(({ ends: [local, remote] }) => {
        const [one, other] = [local.configured, remote.configured];
        return one === undefined || other === undefined
            ? noFacts
            : facts(
                  ["type", one.asn === other.asn ? "iBGP" : "eBGP"],
                  // RFC 4271 §4.2; 0 keeps a session for ever, and is less than any other.
                  ["agreed hold time", `${Math.min(one.holdTime, other.holdTime)} s`],
              );
    }) as [Facts, Facts];
    return before.size === 0 || after.size === 0 ? [] : fieldChanges(before, after);
}

type Sides = readonly [before: End, after: End];

/** Who an end is, and whom it expects; an AS that is expected and changes along with the peer's own goes without saying. */
function identityFields(before: End, after: End, peer: Sides): readonly FieldChange[] {
    const [was, is] = [before.configured, after.configured];
    const { device } = after;
    if (was === undefined || is === undefined) {
        const neighbor = (configured: ConfiguredEnd | undefined, other: End) =>
            facts([`neighbor of ${device}`, configured === undefined ? undefined : (other.address ?? other.device)]);
        return fieldChanges(neighbor(was, peer[0]), neighbor(is, peer[1]));
    }
    const agrees = was.expected === peer[0].configured?.asn && is.expected === peer[1].configured?.asn;
    const identity = (end: End, { asn, routerId, expected }: ConfiguredEnd) =>
        facts(
            [`AS of ${device}`, String(asn)],
            [`AS that ${device} expects`, agrees ? undefined : String(expected)],
            [`BGP identifier of ${device}`, routerId],
            [`address of ${device}`, end.address],
            [`instance of ${device}`, end.instance],
        );
    return fieldChanges(identity(before, was), identity(after, is));
}

function endFields({ configured: was }: End, { configured: is }: End): readonly FieldChange[] {
    if (was === undefined || is === undefined) {
        return [];
    }
    const [before, after] = filterFacts(was, is);
    return fieldChanges(joined(was.facts, before), joined(is.facts, after));
}
