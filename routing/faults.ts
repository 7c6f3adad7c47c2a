/** Faults of a lab as values, and as the short texts by which people name them. */

import { addressOf } from "../lab/address";
import { namedDevices } from "../lab/devices";
import { routingInstances } from "../lab/instances";
import type { Address, BgpSpeaker, Lab, Neighbor } from "../lab/model";
import { nodeSpeakers, type SpeakerProgram } from "../lab/speakers";
import type { Port } from "./tables";

/** What a drill breaks, or a sweep asks about. */
export type Fault =
    | {
          readonly kind: "link";
          readonly segment: string;
          /** The interfaces that go down: both ends of a cable, or the one port of a bridge. */
          readonly ends: readonly Port[];
      }
    | { readonly kind: "node"; readonly device: string }
    | {
          readonly kind: "session";
          /** Router whose neighbor is shut down. */
          readonly router: string;
          readonly vrf?: string;
          readonly neighbor: Address;
      }
    | {
          readonly kind: "daemon";
          readonly device: string;
          /** Program of a Kubernetes node; all of them when absent. */
          readonly program?: SpeakerProgram;
          readonly manner: Manner;
      };

/**
 * How a BGP daemon fails: `killed` closes its connections, `frozen` says nothing more and forgets nothing, and
 * `disconnected` works on while its messages are lost in both directions.
 */
export type Manner = (typeof manners)[number];

const manners = ["killed", "frozen", "disconnected"] as const;

/** A fault with the texts that name it, the usual one first. */
interface NamedFault {
    readonly texts: readonly [string, ...string[]];
    readonly fault: Fault;
}

/** A text that names no fault of the lab. */
export class UnknownFaultError extends Error {
    constructor(
        readonly text: string,
        known: readonly string[],
    ) {
        super(`no fault "${text}" in this lab; there are ${known.join(", ")}`);
    }
}

/**
 * The fault that a text names: `link:leaf0-spine0` or `link:<segment>`, `node:leaf0`, `session:leaf0-spine0` (followed by
 * `:<VRF>` or `:<neighbor's address>` where the two have several), `daemon:leaf0` (killed), `daemon:leaf0:frozen`, or `daemon:worker:calico:disconnected`.
 *
 * @throws UnknownFaultError that lists what could be meant
 */
export function parseFault(lab: Lab, text: string): Fault {
    const all = namedFaults(lab);
    const found = all.find(({ texts }) => texts.includes(text));
    if (found !== undefined) {
        return found.fault;
    }
    const ofKind = all.filter(({ fault }) => fault.kind === text.split(":")[0]);
    throw new UnknownFaultError(
        text,
        (ofKind.length > 0 ? ofKind : all).map(({ texts }) => texts[0]),
    );
}

/** The text by which `parseFault` finds a fault. */
export function formatFault(lab: Lab, fault: Fault): string {
    const texts = textsByLab.get(lab) ?? textsByFault(lab);
    textsByLab.set(lab, texts);
    const wanted = JSON.stringify(fault);
    return texts.get(wanted) ?? wanted;
}

/** By the JSON of the fault. */
const textsByLab = new WeakMap<Lab, ReadonlyMap<string, string>>();

function textsByFault(lab: Lab): ReadonlyMap<string, string> {
    // The first of several with one fault names it.
    const named = [...namedFaults(lab)].reverse();
    return new Map(named.map(({ fault, texts }) => [JSON.stringify(fault), texts[0]]));
}

/** Every single link, node and session of a lab. */
export function singleFaults(lab: Lab): readonly Fault[] {
    return [...linkFaults(lab), ...nodeFaults(lab), ...sessionFaults(lab)].map(({ fault }) => fault);
}

const namesByLab = new WeakMap<Lab, readonly NamedFault[]>();

function namedFaults(lab: Lab): readonly NamedFault[] {
    const known = namesByLab.get(lab) ?? [
        ...linkFaults(lab),
        ...nodeFaults(lab),
        ...sessionFaults(lab),
        ...daemonFaults(lab),
    ];
    namesByLab.set(lab, known);
    return known;
}

function linkFaults(lab: Lab): readonly NamedFault[] {
    // The link of a Pod and its node fails with one of the two only.
    const links = Object.entries(lab.segments).filter(([, { kind }]) => kind !== "pod-link");
    const faults = links.flatMap(([segment, { kind }]) => {
        const ports = portsOn(lab, segment);
        return kind === "point-to-point"
            ? cable(segment, ports)
            : ports.map((port) => bridgePort(lab, segment, port, ports));
    });
    return withoutAmbiguity(faults);
}

function portsOn(lab: Lab, segment: string): readonly Port[] {
    return namedDevices(lab).flatMap(([device, { interfaces }]) =>
        interfaces
            .filter(({ attachment }) => attachment.kind === "segment" && attachment.segment === segment)
            .map(({ name }) => ({ device, interface: name })),
    );
}

function cable(segment: string, ends: readonly Port[]): readonly NamedFault[] {
    const [a, b] = ends;
    const names = a === undefined || b === undefined ? [] : bothWays("link", a.device, b.device);
    const [first = `link:${segment}`, ...others] = [...names, `link:${segment}`];
    return ends.length === 0 ? [] : [{ texts: [first, ...others], fault: { kind: "link", segment, ends } }];
}

/** A bridge itself does not fail, its ports do; of a host or node it is told by the router that it is linked with. */
function bridgePort(lab: Lab, segment: string, port: Port, ports: readonly Port[]): NamedFault {
    const routers = ports.filter(({ device }) => device !== port.device && lab.routers[device] !== undefined);
    const isRouter = lab.routers[port.device] !== undefined;
    const others = isRouter ? [] : routers.flatMap(({ device }) => bothWays("link", device, port.device));
    return {
        texts: [`link:${port.device}-${segment}`, ...others, `link:${segment}-${port.device}`],
        fault: { kind: "link", segment, ends: [port] },
    };
}

function nodeFaults(lab: Lab): readonly NamedFault[] {
    return [...Object.keys(lab.routers), ...Object.keys(lab.cluster.nodes)].map((device) => ({
        texts: [`node:${device}`],
        fault: { kind: "node", device },
    }));
}

/** Sessions of routers, whose neighbors can be shut down; sessions between nodes cannot. */
function sessionFaults(lab: Lab): readonly NamedFault[] {
    const owners = ownersOf(lab);
    const faults = Object.entries(lab.routers).flatMap(([router, model]) =>
        routingInstances(model).flatMap(({ vrf, bgp }) =>
            configured(bgp).map(({ address }): NamedFault => {
                const names = bothWays("session", router, owners.get(address) ?? address);
                const inVrf = vrf === undefined ? [] : names.map((name) => `${name}:${vrf}`);
                const exact = names.map((name) => `${name}:${address}`);
                const [first = "", ...others] = [...names, ...inVrf, ...exact];
                const fault = {
                    kind: "session",
                    router,
                    ...(vrf === undefined ? {} : { vrf }),
                    neighbor: address,
                } as const;
                return { texts: [first, ...others], fault };
            }),
        ),
    );
    return withoutAmbiguity(withoutMirrors(lab, faults));
}

/** The neighbors that can be shut down: not Pods that a router takes by label, which shut down at their own end. */
function configured({ neighbors }: BgpSpeaker): readonly Neighbor[] {
    return neighbors.filter(({ pod }) => pod === undefined);
}

function ownersOf(lab: Lab): ReadonlyMap<Address, string> {
    return new Map(
        namedDevices(lab).flatMap(([name, { interfaces }]) =>
            interfaces.flatMap(({ addresses }) => addresses.map((address) => [addressOf(address), name] as const)),
        ),
    );
}

function takesByLabel({ routers }: Lab, router: string, pod: string): boolean {
    return routers[router]!.bgp.neighbors.some((neighbor) => neighbor.pod === pod);
}

/** A session between two routers is configured at both, unless one takes the other by label; it is the fault of the first. */
function withoutMirrors(lab: Lab, faults: readonly NamedFault[]): readonly NamedFault[] {
    const order = new Map(Object.keys(lab.routers).map((name, place) => [name, place]));
    const owners = ownersOf(lab);
    return faults.filter(({ fault }) => {
        if (fault.kind !== "session") {
            return true;
        }
        const other = owners.get(fault.neighbor);
        const place = other === undefined ? undefined : order.get(other);
        return place === undefined || place >= order.get(fault.router)! || takesByLabel(lab, other!, fault.router);
    });
}

function daemonFaults(lab: Lab): readonly NamedFault[] {
    const ofRouters = Object.keys(lab.routers).flatMap((device) => manners.map((manner) => daemon(device, manner)));
    const ofNodes = Object.keys(lab.cluster.nodes).flatMap((device) => {
        const programs = nodeSpeakers(lab, device).map(({ program }) => program);
        return (programs.length > 0 ? [undefined, ...programs] : []).flatMap((program) =>
            manners.map((manner) => daemon(device, manner, program)),
        );
    });
    return [...ofRouters, ...ofNodes];
}

function daemon(device: string, manner: Manner, program?: SpeakerProgram): NamedFault {
    const name = `daemon:${device}${program === undefined ? "" : `:${program}`}`;
    const full = `${name}:${manner}`;
    return {
        texts: manner === "killed" ? [name, full] : [full],
        fault: { kind: "daemon", device, ...(program === undefined ? {} : { program }), manner },
    };
}

function bothWays(kind: string, a: string, b: string): readonly string[] {
    return [`${kind}:${a}-${b}`, `${kind}:${b}-${a}`];
}

/** A text that would name several faults names none of them. */
function withoutAmbiguity(faults: readonly NamedFault[]): readonly NamedFault[] {
    const uses = new Map<string, number>();
    for (const text of faults.flatMap(({ texts }) => [...new Set(texts)])) {
        uses.set(text, (uses.get(text) ?? 0) + 1);
    }
    return faults.map(({ texts, fault }) => {
        const [first = texts[0], ...others] = texts.filter((text) => uses.get(text) === 1);
        return { texts: [first, ...others], fault };
    });
}
