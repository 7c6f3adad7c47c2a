/** The sessions of a revision with what their ends are configured with, and how they are found again in another one. */

import { addressOf } from "../lab/address";
import { namedDevices } from "../lab/devices";
import type { Address, Lab } from "../lab/model";
import { loneEnds, type SessionEnd, sessions } from "../lab/sessions";
import type { SessionState } from "../routing/prediction";
import type { Revision } from "./revision";
import { type ConfiguredEnd, configuredEnds, endName } from "./session-facts";

/** One end of a session, and what it is configured with; nothing where it is not. */
export interface End {
    readonly device: string;
    readonly instance?: string | undefined;
    readonly address?: Address | undefined;
    readonly configured?: ConfiguredEnd | undefined;
}

/** A session of one revision. */
export interface Session {
    readonly ends: readonly [local: End, remote: End];
    /** Absent where nothing is predicted. */
    readonly state?: SessionState;
}

/** What a session is found again by: the more of it is the same, the surer. */
export const sessionKeys: readonly ((session: Session) => string)[] = [
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

/** Stands for the device of an address that no device has. */
const nobody = "nobody";

/** The sessions of a revision: as predicted, or as they are configured where nothing is predicted. */
export function sessionsOf(revision: Revision | undefined): readonly Session[] {
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
    const endOf = ({ node, vrf, program, address }: SessionEnd): End => ({
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
