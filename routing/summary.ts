/** A prediction as rows of text: for the terminal, for documents, for comments. */

import type { Lab, Prefix } from "../lab/model";
import type { BgpRoute, FibRoute, NextHop, PredictedSession, Prediction, Tables } from "./prediction";
import type { FailureEffect } from "./sweep";
import type { Hop, Trace } from "./trace";

/** Rows under a header, each with as many cells. */
export interface TextTable {
    readonly header: readonly string[];
    readonly rows: readonly (readonly string[])[];
}

const families = ["ipv4", "ipv6"] as const;

/** Every session, with the reason where it is down. */
export function sessionTable({ sessions }: Prediction): TextTable {
    return {
        header: ["session", "addresses", "families", "state"],
        rows: sessions.map((session) => [
            `${end(session.local, session.localInstance)} ↔ ${end(session.remote, session.remoteInstance)}`,
            `${session.localAddress ?? "none"} ↔ ${session.remoteAddress}`,
            session.families.join(", "),
            stateOf(session),
        ]),
    };
}

/** A device with its VRF or program, e.g. `router0 k8s-calico`. */
function end(device: string | undefined, instance: string | undefined): string {
    return [device ?? "nobody", ...(instance === undefined ? [] : [instance])].join(" ");
}

function stateOf({ state }: PredictedSession): string {
    return state.up ? "up" : `down: ${state.reason}`;
}

/** Every BGP route of every router and VRF: what is chosen, and what the kernel gets. */
export function routeTable({ routers }: Lab, { devices }: Prediction): TextTable {
    const rows = Object.keys(routers).flatMap((name) => {
        const { vrfs = {}, ...own } = devices[name]!;
        const instances: readonly (readonly [string, Tables])[] = [
            [name, own],
            ...Object.entries(vrfs).map(([vrf, tables]) => [`${name} ${vrf}`, tables] as const),
        ];
        return instances.flatMap(([label, tables]) => routeRows(label, tables));
    });
    return { header: ["router", ...routeHeader], rows };
}

const routeHeader = ["network", "next hops", "AS path", "kernel"];

/** Every BGP route of every Kubernetes node. */
export function nodeRouteTable({ cluster: { nodes } }: Lab, { devices }: Prediction): TextTable {
    const rows = Object.keys(nodes).flatMap((name) => routeRows(name, devices[name]!));
    return { header: ["node", ...routeHeader], rows };
}

/** What filters refuse, where it is kept: everything that an end is offered and does not take. */
export function refusalTable({ sessions }: Prediction): TextTable {
    const rows = sessions.flatMap(({ local, remote, refused }) =>
        refused === undefined
            ? []
            : [
                  ...families.map((family) => [local, remote ?? "nobody", refused.byLocal[family].join(", ")]),
                  ...families.map((family) => [remote ?? "nobody", local, refused.byRemote[family].join(", ")]),
              ],
    );
    return { header: ["refused by", "offered by", "networks"], rows: rows.filter(([, , networks]) => networks !== "") };
}

function routeRows(label: string, { rib, fib }: Tables): readonly (readonly string[])[] {
    return families.flatMap((family) =>
        Object.entries(rib[family]).map(([prefix, route]) => row(label, prefix, route, fib[family][prefix])),
    );
}

function row(label: string, prefix: Prefix, { paths }: BgpRoute, kernel: FibRoute | undefined): readonly string[] {
    const used = paths.filter(({ multipath }) => multipath);
    const best = used[0];
    return [
        label,
        prefix,
        used.map(({ from, nextHop }) => (from === "local" ? "own" : nextHop)).join(", ") || "none",
        best === undefined ? "" : best.asPath.join(" "),
        kernel === undefined ? "none" : `${kernel.protocol} ${forwarding(kernel)}`,
    ];
}

function forwarding(route: FibRoute): string {
    return route.blackhole ? "blackhole" : route.nextHops.map(hop).join(", ");
}

function hop({ via, dev }: NextHop): string {
    return via === undefined ? dev : `${via} ${dev}`;
}

/** Every way of some traces. */
export function traceTable(traces: readonly Trace[]): TextTable {
    const rows = traces.flatMap(({ from, to, ways }) =>
        ways.map(({ hops, disposition, detail }) => [from, to, hops.map(hopText).join(" → "), disposition, detail]),
    );
    return { header: ["from", "to", "way", "disposition", "end"], rows };
}

function hopText({ device, vrf, nextHop }: Hop): string {
    return `${device}${vrf === undefined ? "" : ` ${vrf}`} (${nextHop.dev})`;
}

/** What each fault takes with it; faults that take nothing are rows, too. */
export function sweepTable(effects: readonly FailureEffect[]): TextTable {
    const rows = effects.map(({ name, routes, unreachable, unrest }) => [
        name,
        lostWidths(routes) || "none",
        unreachable.map(({ from, to }) => `${to} from ${from}`).join(", ") || "none",
        unrest ?? "at rest",
    ]);
    return { header: ["fault", "fewer next hops", "unreachable", "routing"], rows };
}

/** Next hops that are lost, by router: the network, or how many networks fare alike. */
function lostWidths(routes: FailureEffect["routes"]): string {
    const alike = new Map<string, Prefix[]>();
    for (const { device, vrf, prefix, before, after } of routes) {
        const key = `${device}${vrf === undefined ? "" : ` ${vrf}`} ${before} → ${after}`;
        alike.set(key, [...(alike.get(key) ?? []), prefix]);
    }
    return [...alike]
        .map(([key, prefixes]) => `${key} (${prefixes.length === 1 ? prefixes[0] : `${prefixes.length} networks`})`)
        .join(", ");
}
