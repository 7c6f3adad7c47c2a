/** BGP sessions that come, go or change: each is found again by its ends, whatever else about it changes. */

import { addressOf } from "../lab/address";
import { namedDevices } from "../lab/devices";
import type { Address, Lab } from "../lab/model";
import { loneEnds, type SessionEnd as ModelEnd, sessions } from "../lab/sessions";
import type { SessionState } from "../routing/prediction";
import { appliedTo } from "./applied";
import { type Facts, facts, fieldChanges, joined, noFacts } from "./facts";
import { byRank, kindOf, type Paired, pairUp } from "./pairing";
import type { FieldChange, SessionChange, SessionEnd } from "./review";
import type { Revision } from "./revision";
import { type ConfiguredEnd, configuredEnds, endName, filterFacts } from "./session-facts";

/** One end of a session, and what it is configured with; nothing where it is not. */
interface End {
    readonly device: string;
    readonly instance?: string | undefined;
    readonly address?: Address | undefined;
    readonly configured?: ConfiguredEnd | undefined;
}

/** A session of one revision. */
interface Session {
    readonly ends: readonly [local: End, remote: End];
    /** Absent where nothing is predicted. */
    readonly state?: SessionState;
}

/** Stands for the device of an address that no device has. */
const nobody = "nobody";

/** Sessions that differ, those that go down first. */
export function sessionChanges(before: Revision | undefined, after: Revision | undefined): readonly SessionChange[] {
    return byRank(pairUp(sessionsOf(before), sessionsOf(after), ...keys).flatMap(sessionChange), importance);
}

/** What a session is found again by: the more of it is the same, the surer. */
const keys: readonly ((session: Session) => string)[] = [
    ({ ends }) => JSON.stringify(ends.map(({ device, instance, address }) => [device, instance, address])),
    ({ ends: [local, remote] }) => JSON.stringify([...placesOf(local, remote), local.address]),
    ({ ends: [local, remote] }) => JSON.stringify([...placesOf(local, remote), remote.address]),
    ({ ends: [local, remote] }) => JSON.stringify([...placesOf(local, remote), isIpv6(local, remote)]),
    // The instance of an end that does not answer is not known.
    ({ ends }) => JSON.stringify(ends.map(({ device, address }) => [device, address])),
    ({ ends: [local, remote] }) => JSON.stringify([local.device, remote.device, isIpv6(local, remote)]),
];

function placesOf(...ends: readonly End[]): readonly unknown[] {
    return ends.flatMap(({ device, instance }) => [device, instance]);
}

function isIpv6(...ends: readonly End[]): boolean {
    return ends.some(({ address }) => address?.includes(":"));
}

/** The sessions of a revision: as predicted, or as they are configured where nothing is predicted. */
function sessionsOf(revision: Revision | undefined): readonly Session[] {
    const { lab, outcome } = revision ?? {};
    if (lab === undefined) {
        return [];
    }
    const configured = configuredEnds(lab);
    const rankOf = ranks(lab);
    const session = (local: End, remote: End, state?: SessionState): Session => {
        const ends = [
            { ...local, configured: configured.get(endName(local.device, local.instance, remote.address)) },
            { ...remote, configured: configured.get(endName(remote.device, remote.instance, local.address)) },
        ] as const;
        return { ends: oriented(ends, rankOf), ...(state === undefined ? {} : { state }) };
    };
    if (outcome === undefined) {
        return configuredSessions(lab).map(([local, remote]) => session(local, remote));
    }
    return outcome.prediction.sessions.map((each) =>
        session(
            { device: each.local, instance: each.localInstance, address: each.localAddress },
            { device: each.remote ?? nobody, instance: each.remoteInstance, address: each.remoteAddress },
            each.state,
        ),
    );
}

/** The sessions of a lab by its model alone. */
function configuredSessions(lab: Lab): readonly (readonly [local: End, remote: End])[] {
    const endOf = ({ node, vrf, program, address }: ModelEnd): End => ({
        device: node,
        instance: program ?? vrf,
        address,
    });
    const owners = new Map(
        namedDevices(lab).flatMap(([name, { interfaces }]) =>
            interfaces.flatMap(({ addresses }) => addresses.map((address) => [addressOf(address), name] as const)),
        ),
    );
    return [
        ...sessions(lab).map(({ local, remote }) => [endOf(local), endOf(remote)] as const),
        ...loneEnds(lab).map((end) => {
            const { peerAddress } = end;
            return [endOf(end), { device: owners.get(peerAddress) ?? nobody, address: peerAddress }] as const;
        }),
    ];
}

/** Routers stand before nodes, and devices of one kind in the order of their names. */
function ranks({ routers, cluster: { nodes } }: Lab): (end: End) => string {
    return ({ device }) => `${device in routers ? 0 : device in nodes ? 1 : 2} ${device}`;
}

function oriented([local, remote]: Session["ends"], rankOf: (end: End) => string): Session["ends"] {
    return rankOf(remote) < rankOf(local) ? [remote, local] : [local, remote];
}

function sessionChange(pair: Paired<Session>): readonly SessionChange[] {
    const { before, after } = pair;
    const kind = kindOf(pair);
    const [local, remote] = (after ?? before)!.ends.map((end, place) => known(end, before?.ends[place])) as [End, End];
    const fields = before === undefined || after === undefined ? [] : sessionFields(before, after);
    if (kind === "changed" && fields.length === 0 && isSameState(before?.state, after?.state)) {
        return [];
    }
    const reason = after?.state?.up === false ? { reason: after.state.reason } : {};
    return [
        {
            kind,
            local: shown(local),
            remote: shown(remote),
            ...(before?.state === undefined ? {} : { upBefore: before.state.up }),
            ...(after?.state === undefined ? {} : { upAfter: after.state.up }),
            ...reason,
            fields,
            ...(before?.state?.up && after?.state?.up ? effectOf(fields, after) : {}),
        },
    ];
}

/** What is not predicted on one side is not said to change. */
function isSameState(before: SessionState | undefined, after: SessionState | undefined): boolean {
    return before === undefined || after === undefined || JSON.stringify(before) === JSON.stringify(after);
}

/** What the daemons at both ends do about the change. */
function effectOf(fields: readonly FieldChange[], { ends }: Session): Pick<SessionChange, "applied"> {
    const applied = appliedTo(
        fields,
        ends.map(({ device, configured }) => ({ device, program: configured?.program })),
    );
    return applied === undefined ? {} : { applied };
}

/** Of an end that no longer answers, the instance is the one that did. */
function known(end: End, before: End | undefined): End {
    return { ...end, instance: end.instance ?? before?.instance };
}

/** Cilium's speaker is mostly a node's only one, and goes without saying. */
function shown({ device, instance, address }: End): SessionEnd {
    return {
        device,
        ...(instance === undefined || instance === "cilium" ? {} : { instance }),
        ...(address === undefined ? {} : { address }),
    };
}

function sessionFields(before: Session, after: Session): readonly FieldChange[] {
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

/** Sessions that go down first, then those that go or come in vain, then what else changes, then what comes up. */
function importance({ kind, upBefore, upAfter }: SessionChange): number {
    switch (kind) {
        case "changed":
            return upBefore === true && upAfter === false ? 0 : upBefore === false && upAfter === true ? 4 : 3;
        case "removed":
            return upBefore === false ? 6 : 1;
        case "added":
            return upAfter === false ? 2 : 5;
    }
}
