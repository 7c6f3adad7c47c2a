/** Reads what the kernel has and makes it what it should be: the differences of `network.ts`, in an order that works. */
import { createHash } from "node:crypto";
import { formatAddress, formatSubnet } from "./addresses";
import {
    createNamespace,
    deleteNamespace,
    hasNamespace,
    inNamespace,
    isNamed,
    namespaceFd,
    namespaceNames,
    restoreName,
    writeSysctl,
} from "./namespaces";
import { type Change, change, protocols, withNetlink } from "./netlink";
import {
    bridgeName,
    compare,
    type Difference,
    type ObservedNetwork,
    type WantedLink,
    type WantedNamespace,
    type WantedNetwork,
    type WantedRoute,
} from "./network";
import * as rt from "./rtnetlink";

/** Reads one namespace. */
export function observeNamespace(name: string): rt.ObservedNamespace {
    return inNamespace(name, () => withNetlink(protocols.route, rt.observe));
}

/** Reads what a part of the network speaks of. */
function observeNetwork({ namespaces, links, proxies, scope }: WantedNetwork): ObservedNetwork {
    const names = new Set([
        ...namespaces.map(({ name }) => name),
        ...links.flatMap(({ a, b }) => [a.namespace, b.namespace]),
        ...scope.namespaces,
        ...namespaceNames().filter(scope.ownsNamespace),
    ]);
    const present = [...names].filter(hasNamespace);
    const withProxies = new Set([...proxies.map(({ namespace }) => namespace), ...scope.proxied]);
    return {
        namespaces: new Map(present.map((name) => [name, { ...observeNamespace(name), named: isNamed(name) }])),
        proxies: new Map(
            present
                .filter((name) => withProxies.has(name))
                .map((name) => [name, inNamespace(name, () => withNetlink(protocols.route, rt.observeProxies))]),
        ),
    };
}

/** Differences between a part of the network and the kernel. */
export function inspect(wanted: WantedNetwork): readonly Difference[] {
    return compare(wanted, observeNetwork(wanted));
}

/** One repair can undo what was right before it (an address takes its routes along), so a few rounds may be needed. */
const maximumRounds = 4;

/**
 * Makes the kernel what is wanted. What is right already is not touched. When it returns, packets pass.
 *
 * @returns whether anything had to be done
 * @throws Error with every difference that could not be repaired, and why
 */
export function apply(wanted: WantedNetwork): boolean {
    let failures: readonly string[] = [];
    for (let round = 0; ; round++) {
        const observed = observeNetwork(wanted);
        const differences = compare(wanted, observed);
        if (differences.length === 0) {
            waitUntilOperational(wanted, observed);
            return round > 0;
        }
        if (round === maximumRounds) {
            // What could not be done is the cause; what is still missing only follows from it.
            const reasons = failures.length > 0 ? failures : differences.map(({ path, found }) => `${path}: ${found}`);
            throw new Error(["the network could not be made as asked for:", ...reasons].join("\n"));
        }
        failures = repair(differences);
    }
}

const operationalMilliseconds = 1000;
const pauseMilliseconds = 2;
const pauseCell = new Int32Array(new SharedArrayBuffer(4));

/**
 * Waits for links that were just made: the kernel begins to pass packets in a work queue, some milliseconds after both
 * ends are up, and drops what is sent before.
 */
function waitUntilOperational(wanted: WantedNetwork, first: ObservedNetwork): void {
    const deadline = Date.now() + operationalMilliseconds;
    let observed = first;
    while (!isOperational(wanted, observed) && Date.now() < deadline) {
        Atomics.wait(pauseCell, 0, 0, pauseMilliseconds);
        observed = observeNetwork(wanted);
    }
}

function isOperational({ links }: WantedNetwork, { namespaces }: ObservedNetwork): boolean {
    return links.every(({ a, b }) =>
        [a, b].every((end) => namespaces.get(end.namespace)?.interfaces.get(end.interface)?.operational === true),
    );
}

type RepairOf<K extends Difference["repair"]> = Extract<Difference, { readonly repair: K }>;

/**
 * Attempts every repair.
 *
 * @returns why some failed
 * @throws Error when a namespace cannot be created or configured: what it lacks then is not seen by the next comparison
 */
function repair(differences: readonly Difference[]): readonly string[] {
    const failures: string[] = [];
    const attempt = (work: () => void) => {
        try {
            work();
        } catch (error) {
            failures.push((error as Error).message);
        }
    };
    const each = <K extends Difference["repair"]>(kind: K, work: (one: RepairOf<K>) => void) => {
        for (const one of differences) {
            if (one.repair === kind) {
                work(one as RepairOf<K>);
            }
        }
    };
    const batched = <K extends BatchedRepair>(kind: K) => {
        for (const [namespace, group] of grouped(
            differences.filter((one): one is RepairOf<K> => one.repair === kind),
        )) {
            attempt(() => repairGroup(kind, namespace, group));
        }
    };

    batched("delete-route");
    batched("delete-proxy");
    batched("delete-address");
    batched("delete-link");
    each("delete-namespace", ({ name }) => deleteNamespace(name));
    each("create-namespace", ({ namespace }) => createNamespace(namespace.name, () => configure(namespace)));
    each("name-namespace", ({ name }) => restoreName(name));
    each("configure-namespace", ({ namespace }) => inNamespace(namespace.name, () => configure(namespace)));
    attempt(() => createInterfaces(differences));
    batched("set-mtu");
    batched("set-up");
    batched("set-master");
    each("configure-proxy", ({ namespace, interface: name, on }) => {
        attempt(() => inNamespace(namespace, () => configureProxy(name, on)));
    });
    batched("add-address");
    batched("add-route");
    batched("add-proxy");
    return failures;
}

/** Looks up interface indices of a namespace. @throws Error when there is no such interface */
type IndexOf = (name: string) => number;

/** Repairs that are messages to the kernel, sent in one batch per namespace. */
type BatchedRepair = keyof typeof toChange;

const toChange = {
    "delete-route": ({ route, found }: RepairOf<"delete-route">) => rt.deleteRoute(route, `remove: ${found}`),
    "delete-proxy": ({ index, address, found }: RepairOf<"delete-proxy">) =>
        rt.deleteProxy(index, address, `remove: ${found}`),
    "delete-address": ({ index, subnet, found }: RepairOf<"delete-address">) =>
        rt.deleteAddress(index, subnet, `remove: ${found}`),
    "delete-link": ({ index, found }: RepairOf<"delete-link">) => rt.deleteLink(index, `remove: ${found}`),
    "set-mtu": ({ index, mtu, path }: RepairOf<"set-mtu">) => rt.setMtu(index, mtu, `set ${path} to ${mtu}`),
    "set-up": ({ index, path }: RepairOf<"set-up">) => rt.setUp(index, `set ${path} up`),
    "set-master": ({ interface: name, path }: RepairOf<"set-master">, indexOf: IndexOf) =>
        rt.setMaster(indexOf(name), indexOf(bridgeName), `attach ${path}`),
    "add-address": addAddress,
    "add-route": addRoute,
    "add-proxy": ({ proxy, path }: RepairOf<"add-proxy">, indexOf: IndexOf) =>
        rt.addProxy(indexOf(proxy.interface), proxy.address, `${path}: answer for ${formatAddress(proxy.address)}`),
} as const;

function namespaceOf(one: RepairOf<BatchedRepair>): string {
    switch (one.repair) {
        case "add-address":
            return one.address.namespace;
        case "add-route":
            return one.route.namespace;
        case "add-proxy":
            return one.proxy.namespace;
        default:
            return one.namespace;
    }
}

function grouped<T extends RepairOf<BatchedRepair>>(repairs: readonly T[]): ReadonlyMap<string, readonly T[]> {
    const groups = new Map<string, T[]>();
    for (const one of repairs) {
        const name = namespaceOf(one);
        const group = groups.get(name) ?? [];
        group.push(one);
        groups.set(name, group);
    }
    return groups;
}

function repairGroup<K extends BatchedRepair>(kind: K, namespace: string, group: readonly RepairOf<K>[]): void {
    inNamespace(namespace, () =>
        withNetlink(protocols.route, (fd) => {
            const indexOf = indexReader(fd, namespace);
            const convert = toChange[kind] as (one: RepairOf<K>, indexOf: IndexOf) => Change;
            change(
                fd,
                group.map((one) => convert(one, indexOf)),
            );
        }),
    );
}

/** Reads indices at the first question, once. */
function indexReader(fd: number, namespace: string): IndexOf {
    let indices: ReadonlyMap<string, number> | undefined;
    return (name) => {
        indices ??= rt.readIndices(fd);
        const index = indices.get(name);
        if (index === undefined) {
            throw new Error(`there is no interface ${name} in ${namespace}`);
        }
        return index;
    };
}

function addAddress({ address, path }: RepairOf<"add-address">, indexOf: IndexOf): Change {
    const { interface: name, namespace, subnet } = address;
    const what = `${path}: add ${formatSubnet(subnet.bytes, subnet.length)} to ${namespace}:${name}`;
    return rt.addAddress(indexOf(name), subnet, what);
}

function addRoute({ route, path }: RepairOf<"add-route">, indexOf: IndexOf): Change {
    const what = `${path}: add the route to ${formatSubnet(route.subnet.bytes, route.subnet.length)} in ${route.namespace}`;
    return rt.addRoute(route.subnet, routeTarget(route, indexOf), what);
}

function routeTarget({ target }: WantedRoute, indexOf: IndexOf): rt.RouteTarget {
    if (target.kind === "blackhole") {
        return { type: "blackhole" };
    }
    const index = target.dev === undefined ? {} : { index: indexOf(target.dev) };
    return target.kind === "via" ? { type: "unicast", via: target.via, ...index } : { type: "unicast", ...index };
}

/** Next interface index: unique in the sandbox, so that the two ends of a cable are known by their numbers alone. */
let nextIndex = 2;

function createInterfaces(differences: readonly Difference[]): void {
    const bridgeIndices = new Map<string, number>();
    const changes: Change[] = [];
    for (const one of differences) {
        if (one.repair === "create-bridge") {
            const { namespace: name, mtu } = one.bridge;
            const index = nextIndex++;
            bridgeIndices.set(name, index);
            const bridge = { name: bridgeName, index, mtu, namespace: namespaceFd(name) };
            changes.push(rt.createBridge(bridge, `${one.path}: create the bridge`));
        }
    }
    for (const one of differences) {
        if (one.repair === "create-link") {
            const master = one.link.bridged ? bridgeIndex(one.link, bridgeIndices) : undefined;
            changes.push(createVeth(one.link, `${one.path}: create the link`, master));
        }
    }
    if (changes.length > 0) {
        withNetlink(protocols.route, (fd) => change(fd, changes));
        bringUp(differences);
    }
}

/** Sets the ends up that could not be created up. */
function bringUp(differences: readonly Difference[]): void {
    const names = new Map<string, string[]>();
    for (const one of differences) {
        if (one.repair === "create-link") {
            const { namespace, interface: name } = one.link.a;
            names.set(namespace, [...(names.get(namespace) ?? []), name]);
        }
    }
    for (const [namespace, interfaces] of names) {
        inNamespace(namespace, () =>
            withNetlink(protocols.route, (fd) => {
                const indexOf = indexReader(fd, namespace);
                const ups = interfaces.map((name) => rt.setUp(indexOf(name), `set ${namespace}:${name} up`));
                change(fd, ups);
            }),
        );
    }
}

function bridgeIndex({ b }: WantedLink, created: ReadonlyMap<string, number>): number {
    const index =
        created.get(b.namespace) ??
        inNamespace(b.namespace, () => withNetlink(protocols.route, rt.readIndices)).get(bridgeName);
    if (index === undefined) {
        throw new Error(`there is no bridge in ${b.namespace}`);
    }
    return index;
}

/** The bridged end goes first in the message, because only the first can be given a master at its creation. */
function createVeth({ a, b, mtu }: WantedLink, what: string, master?: number): Change {
    const end = ({ namespace, interface: name }: WantedLink["a"]): rt.NewInterface => ({
        name,
        index: nextIndex++,
        mtu,
        namespace: namespaceFd(namespace),
        hardwareAddress: hardwareAddress(namespace, name),
    });
    return rt.createVeth(end(b), end(a), what, master);
}

/**
 * The same for the same interface, so that a link that is made anew is reached at once: neighbors go on sending to an
 * address they know for up to 45 s. Locally administered, to one device (IEEE 802).
 */
function hardwareAddress(namespace: string, name: string): Buffer {
    const bytes = createHash("sha256").update(`${namespace}\0${name}`).digest().subarray(0, 6);
    bytes[0] = (bytes[0]! & 0xfc) | 0x02;
    return bytes;
}

/**
 * Settings of every device. Without duplicate address detection an IPv6 address is usable at once; without reverse path
 * filtering asymmetric paths work; addresses survive a link that goes down; flows are balanced by their ports.
 */
const deviceSettings: readonly (readonly [string, string])[] = [
    ["ipv6/conf/default/accept_dad", "0"],
    ["ipv6/conf/all/keep_addr_on_down", "1"],
    ["ipv6/conf/default/keep_addr_on_down", "1"],
    ["ipv4/fib_multipath_hash_policy", "1"],
    ["ipv6/fib_multipath_hash_policy", "1"],
    ["ipv4/conf/all/rp_filter", "0"],
    ["ipv4/conf/default/rp_filter", "0"],
    // Else the kernel keeps one in two "time exceeded" to itself, and a packet that circles looks like silence.
    ["ipv4/icmp_ratelimit", "0"],
    ["ipv6/icmp/ratelimit", "0"],
];

const settingsOf: Readonly<Record<WantedNamespace["kind"], readonly (readonly [string, string])[]>> = {
    device: deviceSettings,
    pod: [["ipv6/conf/default/accept_dad", "0"]],
    bridge: [["ipv6/conf/default/disable_ipv6", "1"]],
};

/** Configures the namespace that the thread is in. */
function configure({ kind, forwarding }: WantedNamespace): void {
    const isDevice = kind === "device";
    const text = forwarding ? "1" : "0";
    // Forwarding comes first, because changing it resets other settings of IPv4.
    const settings: readonly (readonly [string, string])[] = [
        ...(isDevice
            ? ([
                  ["ipv4/ip_forward", text],
                  ["ipv6/conf/all/forwarding", text],
              ] as const)
            : []),
        ...settingsOf[kind],
        ...(isDevice && !forwarding ? ([["ipv6/conf/default/accept_ra", "0"]] as const) : []),
    ];
    for (const [path, value] of settings) {
        writeSysctl(path, value);
    }
    const loopback = 1;
    withNetlink(protocols.route, (fd) => change(fd, [rt.setUp(loopback, "set the loopback up")]));
}

/** A proxied answer is sent at once instead of after up to 0.8 s. */
function configureProxy(name: string, on: boolean): void {
    const value = on ? "1" : "0";
    for (const family of ["ipv4", "ipv6"]) {
        writeSysctl(`${family}/neigh/${name}/proxy_delay`, "0");
    }
    writeSysctl(`ipv4/conf/${name}/proxy_arp`, value);
    writeSysctl(`ipv6/conf/${name}/proxy_ndp`, value);
}
