import type { ServiceCheck } from "../lab/model";
import type { Check, ConditionCheck, ForwardingCheck, ObjectReference, SpeakerTableCheck } from "./check";

/** Items in a row, or that there are none. */
export function list(items: readonly string[]): string {
    return items.length === 0 ? "none" : items.join(", ");
}

/** Next hops of a route; of RIB and kernel each where they differ. */
export function nextHopsIn(rib: readonly string[], fib: readonly string[]): string {
    return list(rib) === list(fib) ? list(rib) : `RIB ${list(rib)}; FIB ${list(fib)}`;
}

/** Device and VRF that a check speaks of. */
function at({ device, vrf }: { readonly device: string; readonly vrf?: string }): string {
    return vrf === undefined ? device : `${device} ${vrf}`;
}

function hostPort(address: string, port: number): string {
    return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** An object as kubectl's users write it. */
export function objectName({ kind, namespace, name }: ObjectReference): string {
    return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

/** What of an object is asked for, in a word or two. */
function aspect({ wants }: ConditionCheck): string {
    switch (wants.kind) {
        case "condition":
            return wants.type;
        case "no-condition":
            return "errors";
        case "rollout":
            return "rollout";
        case "served":
            return wants.version;
        case "addresses":
            return "addresses";
    }
}

function wanted({ wants }: ConditionCheck): string {
    switch (wants.kind) {
        case "condition":
            return `${wants.type} is True`;
        case "no-condition":
            return "no error";
        case "rollout":
            return "all pods up to date and available";
        case "served":
            return `established, serves ${wants.version}`;
        case "addresses":
            return list([...wants.addresses].sort());
    }
}

/** How pods see the client; nothing where it does not matter. */
export function clientClause({ clientAddress }: Pick<ServiceCheck, "clientAddress">): string {
    return clientAddress === "any" ? "" : `, client ${clientAddress}`;
}

/** Routes with their gateways, in order. */
export function routesIn(routes: ForwardingCheck["routes"]): readonly string[] {
    return Object.entries(routes)
        .map(([prefix, gateways]) => `${prefix} via ${[...gateways].sort().join(" and ")}`)
        .sort();
}

/** Best paths of a speaker, in order. */
export function pathsIn(routes: SpeakerTableCheck["routes"]): readonly string[] {
    return Object.entries(routes)
        .map(([prefix, { nextHop, asPath }]) => `${prefix} via ${[nextHop, ...asPath].join(" ")}`)
        .sort();
}

/** How many pods, in words. */
export function counted(pods: readonly string[]): string {
    return pods.length === 1 ? "1 pod" : `${pods.length} pods`;
}

/** What a check is about, in a few words. */
export function subject(check: Check): string {
    switch (check.kind) {
        case "condition":
            return `${objectName(check.object)} ${aspect(check)}`;
        case "session":
        case "down-session":
            return `${at(check)} session ${check.neighbor}`;
        case "table":
            return `${at(check)} table ${check.family}`;
        case "route":
            return `${at(check)} route ${check.prefix}`;
        case "offer":
            return `${at(check)} offers ${check.neighbor} ${check.family}`;
        case "forwarding":
            return `${check.device} kernel ${check.family}`;
        case "neighbors":
            return `${check.device} neighbors`;
        case "speaker-table":
            return `${check.device} speaker ${check.family}`;
        case "refusal":
            return `${check.device} refuses ${check.neighbor} ${check.family}`;
        case "passage":
            return `${check.from} through ${list(check.through)} to ${hostPort(check.address, check.port)}`;
        case "service":
        case "pod":
            return `${check.from} http ${hostPort(check.address, check.port)}`;
        case "silence":
            return check.probe.kind === "ping"
                ? `${check.from} ping ${check.address}`
                : `${check.from} tcp ${hostPort(check.address, check.probe.port)}`;
    }
}

/** What a check expects, in a few words. */
export function expectation(check: Check): string {
    switch (check.kind) {
        case "condition":
            return wanted(check);
        case "session":
            return `Established, AS ${check.remoteAsn}, ${list([...check.families].sort())}`;
        case "down-session":
            return check.closed ? "closed, too many prefixes" : "down";
        case "table":
            return list([...check.prefixes].sort());
        case "route":
            return nextHopsIn([...check.nextHops].sort(), [...(check.gateways ?? check.nextHops)].sort());
        case "offer":
            return list([...check.prefixes].sort());
        case "forwarding":
            return list(routesIn(check.routes));
        case "neighbors":
            return list([...check.neighbors].sort());
        case "speaker-table":
            return list(pathsIn(check.routes));
        case "refusal":
            return list([...check.prefixes].sort());
        case "passage":
            return "each passes connections in both directions";
        case "service":
            return `${counted(check.pods)} answer${clientClause(check)}`;
        case "pod":
            return `${check.pod} answers, client seen`;
        case "silence":
            return "silence";
    }
}

const order: readonly Check["kind"][] = [
    "condition",
    "session",
    "down-session",
    "neighbors",
    "table",
    "speaker-table",
    "route",
    "offer",
    "refusal",
    "forwarding",
    "service",
    "pod",
    "passage",
    "silence",
];

/** Checks in the order in which people read them: from the cluster and its sessions to traffic, each kind as it was. */
export function inReadingOrder(checks: readonly Check[]): readonly Check[] {
    return order.flatMap((kind) => checks.filter((check) => check.kind === kind));
}
