/** Where packets go: every way from a device or pod to an address, hop by hop. */

import { addressOf, contains, familyName, familyOf, parseAddress } from "../lab/address";
import { findDevice } from "../lab/devices";
import type { Address, Lab, Pod, Prefix, Service } from "../lab/model";
import { serves } from "../lab/services";
import { type Forwarder, newForwarder, step } from "./forwarding";
import type { FibRoute, NextHop, Prediction, Tables } from "./prediction";
import { type PrefixIndex, prefixIndex } from "./prefixes";
import { keyOf, type Place, placesOf } from "./tables";

/** All ways of packets from one place to one address. */
export interface Trace {
    readonly from: string;
    readonly to: Address;
    readonly ways: readonly Way[];
}

/** One way, as a flow takes it whose hash chooses these next hops. */
export interface Way {
    readonly hops: readonly Hop[];
    readonly disposition: Disposition;
    /** What was reached, e.g. `pod web-0`, or what went wrong, in words. */
    readonly detail: string;
}

/** A device that passes the packet on. */
export interface Hop {
    readonly device: string;
    readonly vrf?: string;
    /** Network of the route that was used; absent when the packet is encapsulated for another node. */
    readonly prefix?: Prefix;
    readonly nextHop: NextHop;
}

/** How a way ends. */
export type Disposition = "delivered" | "no-route" | "blackhole" | "loop" | "unreachable next hop";

/** Ways after which no more are told apart; ECMP over several tiers multiplies them. */
const mostWays = 256;

/**
 * Follows packets through the predicted forwarding tables.
 *
 * @param from name of a device or pod
 * @param to an address, or the name of a device or pod, which stands for its first address
 * @throws Error when there is no such device or pod
 */
export function trace(lab: Lab, prediction: Prediction, from: string, to: string): Trace {
    return traceThrough(lab, forwarderOf(lab, prediction), from, to);
}

/** Follows packets through any tables. */
export function traceThrough(lab: Lab, forwarder: Forwarder, from: string, to: string): Trace {
    const address = targetOf(lab, to);
    const pod = podNamed(lab, from);
    const start = forwarder.places.get(pod?.node ?? from);
    if (start === undefined) {
        throw new Error(`no device or pod is called ${from}`);
    }
    const ways: Way[] = [];
    follow({ lab, forwarder, address, start, ways, most: mostWays }, start, [], new Set());
    return { from, to: address, ways };
}

/** The first way of packets to an address that does not deliver them; nothing when all do. */
export function firstFailure(lab: Lab, forwarder: Forwarder, from: string, to: Address): Way | undefined {
    // What a place does with packets in a tunnel also depends on where they passed before.
    if (encapsulates(lab) && directoryOf(lab).podsByAddress.has(to)) {
        return traceThrough(lab, forwarder, from, to).ways.find(({ disposition }) => disposition !== "delivered");
    }
    const start = forwarder.places.get(podNamed(lab, from)?.node ?? from)!;
    const ways: Way[] = [];
    follow({ lab, forwarder, address: to, start, ways, most: 1, proven: new Set() }, start, [], new Set());
    return ways[0];
}

/** Pods and services by what they are looked for. */
interface Directory {
    readonly podsByName: ReadonlyMap<string, Pod>;
    readonly podsByAddress: ReadonlyMap<Address, Pod>;
    readonly servicesByAddress: ReadonlyMap<Address, Service>;
}

/** A lab never changes, and a sweep asks again and again. */
const directories = new WeakMap<Lab, Directory>();

function directoryOf(lab: Lab): Directory {
    const directory = directories.get(lab) ?? newDirectory(lab.cluster);
    directories.set(lab, directory);
    return directory;
}

function newDirectory({ workloads, services }: Lab["cluster"]): Directory {
    const pods = workloads.flatMap((workload) => workload.pods);
    const byAddress = <T>(items: readonly T[], addressesOf: (item: T) => readonly Address[]) =>
        new Map(items.flatMap((item) => addressesOf(item).map((address) => [address, item] as const)));
    return {
        podsByName: new Map(pods.map((pod) => [pod.name, pod])),
        podsByAddress: byAddress(pods, ({ addresses }) => addresses),
        servicesByAddress: byAddress(services, ({ loadBalancerAddresses }) => loadBalancerAddresses),
    };
}

/** The pod of a name. */
export function podNamed(lab: Lab, name: string): Pod | undefined {
    return directoryOf(lab).podsByName.get(name);
}

function targetOf(lab: Lab, to: string): Address {
    const own = findDevice(lab, to)?.interfaces.flatMap(({ addresses }) => addresses.map(addressOf));
    const [first] = podNamed(lab, to)?.addresses ?? own ?? [];
    const address = first ?? to;
    try {
        parseAddress(address);
    } catch {
        throw new Error(`${to} is neither an address nor the name of a device or pod with one`);
    }
    return address;
}

const forwarders = new WeakMap<Prediction, Forwarder>();

function forwarderOf(lab: Lab, prediction: Prediction): Forwarder {
    const known = forwarders.get(prediction) ?? newForwarder(placesOf(lab), lookupIn(prediction));
    forwarders.set(prediction, known);
    return known;
}

/** Longest match in plain tables; each is prepared when it is first asked. */
function lookupIn({ devices }: Prediction): Forwarder["lookup"] {
    const tables = new Map<string, Tables>();
    for (const [name, device] of Object.entries(devices)) {
        tables.set(name, device);
        for (const [vrf, own] of Object.entries(device.vrfs ?? {})) {
            tables.set(keyOf(name, vrf), own);
        }
    }
    const indices = new Map<string, PrefixIndex>();
    return (key, address) => {
        const fib: Readonly<Record<Prefix, FibRoute>> = tables.get(key)?.fib[familyOf(address)] ?? {};
        const index = indices.get(`${key} ${familyOf(address)}`) ?? prefixIndex(Object.keys(fib));
        indices.set(`${key} ${familyOf(address)}`, index);
        const [number] = index.covering(address);
        const prefix = number === undefined ? undefined : index.prefixes[number];
        return prefix === undefined ? undefined : [prefix, fib[prefix]!];
    };
}

interface Journey {
    readonly lab: Lab;
    readonly forwarder: Forwarder;
    readonly address: Address;
    readonly start: Place;
    readonly ways: Way[];
    /** Number of ways after which no more are looked for. */
    readonly most: number;
    /** Keys of places from which every way delivers; absent when ways that deliver are asked for, too. */
    readonly proven?: Set<string>;
}

function follow(journey: Journey, place: Place, hops: readonly Hop[], passed: ReadonlySet<string>): void {
    const { lab, forwarder, address, start, ways, most, proven } = journey;
    if (ways.length >= most) {
        return;
    }
    const end = (disposition: Disposition, detail: string) => arrive(journey, { hops, disposition, detail });
    if (passed.has(place.key)) {
        end("loop", `back at ${place.device}`);
        return;
    }
    if (proven?.has(place.key)) {
        return;
    }
    const onNode = lab.cluster.nodes[place.device] === undefined ? undefined : atNode(journey, place, place === start);
    if (onNode?.kind === "end") {
        end(onNode.disposition, onNode.detail);
        return;
    }
    const seen = new Set([...passed, place.key]);
    if (onNode?.kind === "tunnel") {
        tunnel(journey, place, onNode.pod, hops, seen);
        return;
    }
    const taken = step(forwarder, place, address);
    switch (taken.kind) {
        case "delivered":
            deliver(journey, place, hops);
            return;
        case "no-route":
            end("no-route", `${place.device} has no route to ${address}`);
            return;
        case "blackhole":
            end("blackhole", `${place.device} discards ${taken.prefix}`);
            return;
        case "forwarded":
            for (const { nextHop, to } of taken.branches) {
                const hop: Hop = { ...whereOf(place), prefix: taken.prefix, nextHop };
                goOn(journey, to, [...hops, hop], seen);
            }
            // A way from here to where packets come from now would have come back here, and been found.
            if (ways.length === 0) {
                proven?.add(place.key);
            }
    }
}

/**
 * A packet has come to the device that has its address. Where that passes connections on to the pods of a workload, it is
 * delivered only if every one of them is reached.
 */
function deliver(journey: Journey, place: Place, hops: readonly Hop[]): void {
    const { lab, address } = journey;
    const lost = podsBehind(lab, place, address).flatMap((pod): readonly Way[] => {
        const own = pod.addresses.find((each) => familyOf(each) === familyOf(address));
        if (own === undefined) {
            const detail = `pod ${pod.name} behind ${address} has no ${familyName(familyOf(address))} address`;
            return [{ hops, disposition: "no-route", detail }];
        }
        const ways: Way[] = [];
        follow({ ...journey, address: own, start: place, ways, most: 1, proven: new Set() }, place, [], new Set());
        return ways.map((way) => ({
            ...way,
            hops: [...hops, ...way.hops],
            detail: `on to pod ${pod.name}: ${way.detail}`,
        }));
    });
    const delivered: Way = { hops, disposition: "delivered", detail: place.device };
    for (const way of lost.length === 0 ? [delivered] : lost) {
        arrive(journey, way);
    }
}

/** The pods to which a router passes connections on that come to an address of its own. */
function podsBehind({ routers, cluster }: Lab, { device, vrf }: Place, address: Address): readonly Pod[] {
    const servers = vrf === undefined ? (routers[device]?.virtualServers ?? []) : [];
    return servers
        .filter((server) => server.address === address)
        .flatMap(({ workload }) =>
            cluster.workloads
                .filter(({ namespace, name }) => namespace === workload.namespace && name === workload.name)
                .flatMap(({ pods }) => pods),
        );
}

function arrive({ ways, proven }: Journey, way: Way): void {
    if (proven === undefined || way.disposition !== "delivered") {
        ways.push(way);
    }
}

function whereOf({ device, vrf }: Place): Pick<Hop, "device" | "vrf"> {
    return { device, ...(vrf === undefined ? {} : { vrf }) };
}

function goOn(journey: Journey, to: Place | undefined, hops: readonly Hop[], passed: ReadonlySet<string>): void {
    if (to !== undefined) {
        follow(journey, to, hops, passed);
        return;
    }
    const { device, nextHop } = hops.at(-1)!;
    const detail = `nobody answers at ${nextHop.via ?? journey.address} on ${device} ${nextHop.dev}`;
    arrive(journey, { hops, disposition: "unreachable next hop", detail });
}

type AtNode =
    | { readonly kind: "end"; readonly disposition: Disposition; readonly detail: string }
    | { readonly kind: "tunnel"; readonly pod: Pod };

/** What a Kubernetes node does with packets to pods and services before it looks into its table. */
function atNode({ lab, forwarder, address }: Journey, place: Place, isOrigin: boolean): AtNode | undefined {
    const { device } = place;
    const { podsByAddress, servicesByAddress } = directoryOf(lab);
    const pod = podsByAddress.get(address);
    if (pod !== undefined) {
        if (pod.node === device) {
            return { kind: "end", disposition: "delivered", detail: `pod ${pod.name}` };
        }
        return encapsulates(lab) ? { kind: "tunnel", pod } : undefined;
    }
    const slice = lab.cluster.nodes[device]!.podCidrs.find((own) => contains(own, address));
    if (slice !== undefined && !isRoutedInside(forwarder, place, slice, address)) {
        return { kind: "end", disposition: "blackhole", detail: `${device} has no pod with the address ${address}` };
    }
    const service = servicesByAddress.get(address);
    if (service === undefined) {
        return undefined;
    }
    // Within the cluster a service is served wherever it is asked for.
    return isOrigin || serves(lab, device, service)
        ? { kind: "end", disposition: "delivered", detail: `service ${service.name} at ${device}` }
        : { kind: "end", disposition: "blackhole", detail: `${device} has no pod of service ${service.name}` };
}

/** Whether an address in a node's slice is the node's own, or that of a Pod to which it has a route. */
function isRoutedInside(forwarder: Forwarder, place: Place, slice: Prefix, address: Address): boolean {
    const [prefix] = forwarder.lookup(place.key, address) ?? [];
    return forwarder.owns(place, address) || (prefix !== undefined && contains(slice, prefix));
}

function encapsulates({ cluster: { cilium, calico } }: Lab): boolean {
    return cilium?.routingMode === "tunnel" || (calico !== undefined && calico.encapsulation !== "none");
}

/** Packets to a pod on another node travel inside packets to that node. */
function tunnel(journey: Journey, place: Place, pod: Pod, hops: readonly Hop[], passed: ReadonlySet<string>): void {
    const { lab, forwarder } = journey;
    const node = lab.cluster.nodes[pod.node];
    const address = node?.nodeIp?.[0] ?? node?.routerId ?? pod.node;
    const outer: Way[] = [];
    const start = { lab: withoutPods(lab), forwarder, address, start: place, ways: outer, most: mostWays };
    follow(start, place, hops, new Set([...passed].filter((key) => key !== place.key)));
    for (const way of outer) {
        const inside = way.disposition === "delivered" ? `pod ${pod.name}, encapsulated to ${pod.node}` : way.detail;
        journey.ways.push({ ...way, detail: inside });
    }
}

const podless = new WeakMap<Lab, Lab>();

/** For packets between the nodes themselves. */
function withoutPods(lab: Lab): Lab {
    const bare = podless.get(lab) ?? { ...lab, cluster: { ...lab.cluster, workloads: [], services: [] } };
    podless.set(lab, bare);
    return bare;
}
