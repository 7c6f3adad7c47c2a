/** Faults that a lab can have: what they are called, and what they take away. */

import { namedDevices } from "./devices";
import type { Address, Lab } from "./model";
import { sessions } from "./sessions";
import { nodeSpeakers, type SpeakerProgram } from "./speakers";

/** Something that a lab loses. */
export type Fault = LinkFault | NodeFault | SessionFault | DaemonFault;

/** Interfaces that go down: both ends of a cable, or one port of a bridge. */
export interface LinkFault {
    readonly kind: "link";
    readonly ends: readonly { readonly device: string; readonly interface: string }[];
}

/** A device that loses all its interfaces at once. */
export interface NodeFault {
    readonly kind: "node";
    readonly device: string;
}

/** Sessions between two devices that are shut down at one end, which says so to the other (RFC 4486 §4). */
export interface SessionFault {
    readonly kind: "session";
    readonly sessions: readonly {
        readonly device: string;
        /** VRF of the router; absent for the default one. */
        readonly vrf?: string;
        readonly neighbor: Address;
    }[];
}

/** A BGP speaker that ends, stops, or is no longer heard, while its device goes on forwarding. */
export interface DaemonFault {
    readonly kind: "daemon";
    readonly device: string;
    /** The program on a Kubernetes node; absent for a router. */
    readonly program?: SpeakerProgram;
    readonly manner: DaemonManner;
}

/**
 * `killed`: it ends at once, and the kernel closes its connections. `frozen`: it neither reads nor writes, and its
 * connections stay. `disconnected`: it runs, but no packet of its sessions arrives.
 */
export type DaemonManner = (typeof manners)[number];

const manners = ["killed", "frozen", "disconnected"] as const;

/** Every fault of a lab by its name, such as `link:leaf0-spine0`; a name for either order of two devices. */
export function faults(lab: Lab): ReadonlyMap<string, Fault> {
    return new Map([...linkFaults(lab), ...nodeFaults(lab), ...sessionFaults(lab), ...daemonFaults(lab)]);
}

/**
 * The fault of a name.
 *
 * @throws Error that lists the names there are
 */
export function findFault(lab: Lab, name: string): Fault {
    const known = faults(lab);
    const fault = known.get(name);
    if (fault === undefined) {
        const kind = name.slice(0, name.indexOf(":") + 1);
        const alike = [...known.keys()].filter((each) => each.startsWith(kind));
        const choices = alike.length > 0 ? alike : [...known.keys()];
        throw new Error(`the lab ${lab.name} has no fault "${name}"; there are ${choices.join(", ")}`);
    }
    return fault;
}

type Named = readonly (readonly [name: string, fault: Fault])[];

function eitherOrder(kind: Fault["kind"], a: string, b: string, fault: Fault): Named {
    return [
        [`${kind}:${a}-${b}`, fault],
        [`${kind}:${b}-${a}`, fault],
    ];
}

function linkFaults(lab: Lab): Named {
    return Object.entries(lab.segments).flatMap(([segment, { kind }]): Named => {
        const ends = endsOn(lab, segment);
        const [a, b] = ends;
        if (kind === "bridge") {
            return ends.flatMap((end) => eitherOrder("link", end.device, segment, { kind: "link", ends: [end] }));
        }
        return a === undefined || b === undefined
            ? []
            : eitherOrder("link", a.device, b.device, { kind: "link", ends });
    });
}

function endsOn(lab: Lab, segment: string): LinkFault["ends"] {
    return namedDevices(lab).flatMap(([device, { interfaces }]) =>
        interfaces
            .filter(({ attachment }) => attachment.kind === "segment" && attachment.segment === segment)
            .map(({ name }) => ({ device, interface: name })),
    );
}

function nodeFaults(lab: Lab): Named {
    return namedDevices(lab).map(([device]) => [`node:${device}`, { kind: "node", device }]);
}

/** Sessions of routers, shut down at the router: the first end of a session is a router's where one is. */
function sessionFaults(lab: Lab): Named {
    const byDevices = new Map<string, SessionFault & { readonly devices: readonly [string, string] }>();
    for (const { local, remote } of sessions(lab).filter((session) => session.local.kind === "router")) {
        const key = `${local.node} ${remote.node}`;
        const known = byDevices.get(key)?.sessions ?? [];
        const shut = {
            device: local.node,
            ...(local.vrf === undefined ? {} : { vrf: local.vrf }),
            neighbor: local.peerAddress,
        };
        byDevices.set(key, { kind: "session", devices: [local.node, remote.node], sessions: [...known, shut] });
    }
    return [...byDevices.values()].flatMap(({ devices: [a, b], ...fault }) => eitherOrder("session", a, b, fault));
}

/** A daemon without a manner is killed. */
function daemonFaults(lab: Lab): Named {
    const routers = Object.keys(lab.routers).map((device) => ({ name: device, device }));
    const nodes = Object.keys(lab.cluster.nodes).flatMap((device) => {
        const speakers = nodeSpeakers(lab, device);
        return speakers.map(({ program }) => ({
            name: speakers.length === 1 ? device : `${device}/${program}`,
            device,
            program,
        }));
    });
    return [...routers, ...nodes].flatMap(
        ({ name, ...daemon }): Named => [
            [`daemon:${name}`, { kind: "daemon", ...daemon, manner: "killed" }],
            ...manners.map((manner) => [`daemon:${name}:${manner}`, { kind: "daemon", ...daemon, manner }] as const),
        ],
    );
}
