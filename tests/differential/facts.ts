/** What is compared, one line for each fact: sessions, every path of every BGP route with its flags, and the kernel's BGP routes. */

import { routingInstances } from "../../lab/instances";
import type { Address, Family, Lab, Prefix } from "../../lab/model";
import type { BgpRoute, BgpSession } from "../../provider/daemons/frr-reads";
import type { PredictedSession, Prediction, Tables } from "../../routing/prediction";
import type { ObservedRoute } from "../../verify/driver";

/** Facts in order. */
export type Facts = readonly string[];

export const families: readonly Family[] = ["ipv4", "ipv6"];

/** What real daemons show of one routing instance. */
export interface Shown {
    readonly sessions: readonly BgpSession[];
    readonly rib: Readonly<Record<Family, readonly BgpRoute[]>>;
    /** BGP routes in the kernel. */
    readonly kernel: Readonly<Record<Family, readonly ObservedRoute[]>>;
    /** VRFs of the router by their addresses inside it. */
    readonly vrfs: ReadonlyMap<Address, string>;
}

/** Every routing instance of a lab, with how facts call it. */
export function instancesOf({
    routers,
}: Lab): readonly { device: string; vrf?: string; neighbors: ReadonlySet<Address> }[] {
    return Object.entries(routers).flatMap(([device, router]) =>
        routingInstances(router).map(({ vrf, bgp }) => ({
            device,
            ...(vrf === undefined ? {} : { vrf }),
            neighbors: new Set(bgp.neighbors.map(({ address }) => address)),
        })),
    );
}

function named(device: string, vrf: string | undefined): string {
    return vrf === undefined ? device : `${device}.${vrf}`;
}

export function predictedFacts(lab: Lab, prediction: Prediction): Facts {
    const sessions = new Map(prediction.sessions.flatMap(endsOf));
    const facts = instancesOf(lab).flatMap(({ device, vrf, neighbors }) => {
        const where = named(device, vrf);
        const tables = vrf === undefined ? prediction.devices[device]! : prediction.devices[device]!.vrfs![vrf]!;
        return [
            ...[...neighbors].map((neighbor) =>
                sessionFact(where, neighbor, sessions.get(`${where} ${neighbor}`) === true),
            ),
            ...families.flatMap((family) => [
                ...predictedPaths(where, tables, family),
                ...predictedFib(where, tables, family),
            ]),
        ];
    });
    return facts.sort();
}

/** Whether a session is up, by both of its ends. */
function endsOf(session: PredictedSession): readonly (readonly [string, boolean])[] {
    const { local, localInstance, localAddress, remote, remoteInstance, remoteAddress, state } = session;
    return [
        [`${named(local, localInstance)} ${remoteAddress}`, state.up],
        ...(remote === undefined || localAddress === undefined
            ? []
            : [[`${named(remote, remoteInstance)} ${localAddress}`, state.up] as const]),
    ];
}

function sessionFact(where: string, neighbor: Address, up: boolean): string {
    return `${where} session ${neighbor} ${up ? "up" : "down"}`;
}

/** A path, whatever shows it. */
interface PathFact {
    readonly nextHop: string;
    readonly asPath: string;
    readonly from: string;
    readonly valid: boolean;
    readonly best: boolean;
    readonly multipath: boolean;
}

/** Which of several paths through one next hop counts for it may depend on their order; that one of them does, does not. */
function pathFacts(where: string, prefix: Prefix, paths: readonly PathFact[]): Facts {
    const used = new Set(paths.filter(({ best, multipath }) => best || multipath).map(({ nextHop }) => nextHop));
    return paths.map(({ nextHop, asPath, from, valid, best }) => {
        const isUsed = valid && !best && used.has(nextHop);
        const flags = `${valid ? " valid" : ""}${best ? " best" : ""}${isUsed ? " used" : ""}`;
        return `${where} path ${prefix} via ${nextHop} as [${asPath}] from ${from}${flags}`;
    });
}

function predictedPaths(where: string, { rib }: Tables, family: Family): Facts {
    return Object.entries(rib[family]).flatMap(([prefix, { paths }]) =>
        pathFacts(
            where,
            prefix,
            paths.map((path) => ({ ...path, asPath: path.asPath.join(" ") })),
        ),
    );
}

function fibFact(where: string, prefix: Prefix, hops: readonly string[]): string {
    return `${where} fib ${prefix} ${[...hops].sort().join(" ")}`;
}

function predictedFib(where: string, { fib }: Tables, family: Family): Facts {
    return Object.entries(fib[family])
        .filter(([, { protocol }]) => protocol === "bgp")
        .map(([prefix, { nextHops }]) =>
            fibFact(
                where,
                prefix,
                nextHops.map(({ via, dev }) => via ?? dev),
            ),
        );
}

/** Facts of one routing instance as real daemons show it. */
export function observedFacts(
    device: string,
    vrf: string | undefined,
    shown: Shown,
    neighbors: ReadonlySet<Address>,
): Facts {
    const where = named(device, vrf);
    const up = new Set(shown.sessions.flatMap(({ neighbor, state }) => (state === "Established" ? [neighbor] : [])));
    return [
        ...[...neighbors].map((neighbor) => sessionFact(where, neighbor, up.has(neighbor))),
        ...families.flatMap((family) => [
            ...shown.rib[family].flatMap((route) => observedPaths(where, family, route, shown.vrfs)),
            ...shown.kernel[family].map(({ prefix, nextHops }) => fibFact(where, prefix, nextHops)),
        ]),
    ];
}

function observedPaths(where: string, family: Family, { prefix, paths }: BgpRoute, vrfs: Shown["vrfs"]): Facts {
    const unspecified = family === "ipv4" ? "0.0.0.0" : "::";
    const shown = paths.map((path): PathFact => {
        const vrf = vrfs.get(path.peer);
        const from = path.peer === "(unspec)" ? "local" : vrf === undefined ? path.peer : `vrf ${vrf}`;
        return { ...path, nextHop: vrfs.has(path.nextHop) ? unspecified : path.nextHop, from };
    });
    return pathFacts(where, prefix, shown);
}

/** Facts without those of routes that may come out in more than one way, wherever they are. */
export function decided(facts: Facts, { undecided = [] }: Prediction): Facts {
    const open = new Set(undecided.map(({ prefix }) => prefix));
    return facts.filter((fact) => !open.has(/ (?:path|fib) (\S+)/.exec(fact)?.[1] ?? ""));
}

/** What one side has and the other lacks, for people: at most so many lines. */
export function differences(predicted: Facts, observed: Facts, most = 40): Facts {
    const seen = new Set(observed);
    const known = new Set(predicted);
    const all = [
        ...predicted.filter((fact) => !seen.has(fact)).map((fact) => `predicted  ${fact}`),
        ...observed.filter((fact) => !known.has(fact)).map((fact) => `real FRR   ${fact}`),
    ].sort((a, b) => compareText(a.slice(11), b.slice(11)));
    return all.length > most ? [...all.slice(0, most), `and ${all.length - most} more`] : all;
}

function compareText(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}
