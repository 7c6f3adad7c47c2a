/**
 * What a gobgpd takes of whom: its policies as plain data, expected from a configuration and the Pods that are neighbors, as
 * they are, and the way from the one to the other. Shared by the provider, whose business the lasting part is, and the
 * peering controller, whose business the Pods are.
 *
 * All of it fails closed: what no statement accepts is rejected, so that a Pod without its policy announces nothing. Three
 * things of GoBGP 3.10 (internal/pkg/table/policy.go) decide its form:
 * - a neighbor set without members matches every neighbor (NeighborCondition.Evaluate), so sets of Pods have a member that
 *   is nobody;
 * - a prefix set asks the most specific of its entries only (PrefixCondition.Evaluate), so entries that are inside each
 *   other are in sets of their own;
 * - a changed policy reaches the routes that are there only when neighbors are reset softly (ResetPeer).
 */

import { isIP } from "node:net";
import { contains, familyBits, familyOf, hostPrefix, lengthOf } from "../../lab/address";
import type { Family, PrefixListEntry } from "../../lab/model";
import type { GobgpConfig, GobgpPodNeighbor } from "../schema";
import type { GobgpApi, Message } from "./gobgp-api";

/** A Pod that is a neighbor, or may be one. */
export interface PolicyPod {
    /** Name of the selector that matches it. */
    readonly selector: string;
    readonly addresses: readonly string[];
}

/** One thought of a policy: every condition that it has must hold. */
export interface PolicyStatement {
    readonly name: string;
    /** Name of a neighbor set of which the announcing neighbor is a member. */
    readonly neighbors?: string;
    /** Name of a prefix set that has the prefix. */
    readonly prefixes?: string;
    /** `local` for routes of the speaker itself, `external` for those of another AS. */
    readonly routeType?: "local" | "external" | "internal";
    readonly action: "accept" | "reject" | "none";
}

/** Policies in the order in which they are asked, and what becomes of routes about which none decides. */
export interface Assignment {
    readonly policies: readonly string[];
    readonly otherwise: "accept" | "reject" | "none";
}

/** All policies of a gobgpd. Two are equal when their JSON is. */
export interface Policies {
    /** By name; entries like `10.0.0.0/8 8..32`, sorted. */
    readonly prefixSets: Sets;
    /** By name; prefixes of neighbors' addresses, sorted. */
    readonly neighborSets: Sets;
    readonly policies: Readonly<Record<string, readonly PolicyStatement[]>>;
    readonly imports: Assignment;
    readonly exports: Assignment;
}

type Sets = Readonly<Record<string, readonly string[]>>;

/** Policies of a gobgpd that was not told any. */
export const noPolicies: Policies = {
    prefixSets: {},
    neighborSets: {},
    policies: {},
    imports: { policies: [], otherwise: "accept" },
    exports: { policies: [], otherwise: "accept" },
};

/** Routes of the speaker itself (Cilium: pkg/bgp/gobgp/server.go, allowLocalPolicy). */
const ownRoutesOnly = "own-routes-only";

/** Routes of the neighbors that are configured by their address. */
const configured = "configured";

/** Member of every set of Pods: nobody's address. */
const nobody = "255.255.255.255/32";

const podsOf = (selector: string) => `pods/${selector}`;
const ownPolicy = (selector: string) => `${podsOf(selector)}/own`;
const ownAddress = (address: string) => `own/${address}`;

/** Whether the order of a policy's statements means nothing: they are about a Pod each. */
function isOfPods(policy: string): boolean {
    return policy.startsWith("pods/") && policy.endsWith("/own");
}

/**
 * The policies of a speaker. Without `transit` only its own routes pass, in both directions. With it everything is passed on,
 * and taken are: routes of the speaker itself, routes of configured neighbors, and those of Pods that their selector allows,
 * asked in the order of the administrator's denials, the Pod's own address, and the rest.
 *
 * @param pods Pods that are neighbors, or about to be
 */
export function expectedPolicies(
    { neighbors, transit = false, podNeighbors = [] }: Pick<GobgpConfig, "neighbors" | "transit" | "podNeighbors">,
    pods: readonly PolicyPod[] = [],
): Policies {
    const own = { [ownRoutesOnly]: [{ name: "own-routes", routeType: "local", action: "accept" }] } as const;
    if (!transit) {
        const only: Assignment = { policies: [ownRoutesOnly], otherwise: "reject" };
        return { ...noPolicies, policies: own, imports: only, exports: only };
    }
    const taken = neighbors.length === 0 ? nothing : ofConfigured(neighbors.map(({ address }) => address));
    const parts = [taken, ...podNeighbors.map(lastingPart)];
    const policies = Object.assign({}, own, ...parts.map((part) => part.policies)) as Policies["policies"];
    return withPods(
        sorted({
            prefixSets: Object.assign({}, ...parts.map((part) => part.prefixSets)),
            neighborSets: Object.assign({}, ...parts.map((part) => part.neighborSets)),
            policies,
            imports: { policies: Object.keys(policies), otherwise: "reject" },
            exports: { policies: [], otherwise: "accept" },
        }),
        podNeighbors,
        pods,
    );
}

type Part = Pick<Policies, "prefixSets" | "neighborSets" | "policies">;

const nothing: Part = { prefixSets: {}, neighborSets: {}, policies: {} };

function ofConfigured(addresses: readonly string[]): Part {
    return {
        prefixSets: {},
        neighborSets: { [configured]: addresses.map(hostPrefix).sort() },
        policies: { [configured]: [{ name: configured, neighbors: configured, action: "accept" }] },
    };
}

/** What a selector has whether or not it matches a Pod. */
function lastingPart(neighbor: GobgpPodNeighbor): Part {
    const set = podsOf(neighbor.name);
    const forbidden = asStatements(`${set}/forbidden`, neighbor.administratorEntries, neighbor);
    const allowed = asStatements(`${set}/allowed`, neighbor.importEntries, neighbor);
    return {
        prefixSets: { ...forbidden.prefixSets, ...allowed.prefixSets },
        neighborSets: { [set]: [nobody] },
        policies: {
            ...forbidden.policies,
            ...(neighbor.ownAddress ? { [ownPolicy(neighbor.name)]: [] } : {}),
            ...allowed.policies,
        },
    };
}

/** A prefix list as a policy of its name, with a statement for each group of entries; none when there are no entries. */
function asStatements(policy: string, entries: readonly PrefixListEntry[], neighbor: GobgpPodNeighbor): Part {
    const groups = groupsOf(entries).map((group, index) => ({ ...group, name: `${policy}/${index}` }));
    const prefixSets = groups.map(({ name, entries: members }) => [name, members.map(rangeOf).sort()]);
    const statements = groups.map(({ name, action }) => statementOf(name, podsOf(neighbor.name), action, neighbor));
    return {
        prefixSets: Object.fromEntries(prefixSets),
        neighborSets: {},
        policies: statements.length === 0 ? {} : { [policy]: statements },
    };
}

/** Of Pods of any other AS only external routes are accepted: GoBGP takes one of its own AS for an internal neighbor. */
function statementOf(
    name: string,
    neighbors: string,
    action: PrefixListEntry["action"],
    { remoteAsn }: GobgpPodNeighbor,
): PolicyStatement {
    if (action === "deny") {
        return { name, neighbors, prefixes: name, action: "reject" };
    }
    return {
        name,
        neighbors,
        prefixes: name,
        ...(remoteAsn === undefined ? { routeType: "external" } : {}),
        action: "accept",
    };
}

interface Group {
    readonly action: PrefixListEntry["action"];
    readonly entries: PrefixListEntry[];
}

/** Entries that one set can have: neighbors in the list with one action and family, of which none is inside another. */
function groupsOf(entries: readonly PrefixListEntry[]): readonly Group[] {
    const groups: Group[] = [];
    let run: Group[] = [];
    for (const entry of entries) {
        if (run[0]?.action !== entry.action) {
            run = [];
        }
        const fitting = run.find((group) => group.entries.every((other) => areApart(entry, other)));
        if (fitting !== undefined) {
            fitting.entries.push(entry);
            continue;
        }
        const group: Group = { action: entry.action, entries: [entry] };
        run.push(group);
        groups.push(group);
    }
    return groups;
}

function areApart({ prefix: a }: PrefixListEntry, { prefix: b }: PrefixListEntry): boolean {
    return familyOf(a) === familyOf(b) && !contains(a, b) && !contains(b, a);
}

/** An entry with its range of lengths, as GoBGP writes it. */
function rangeOf({ prefix, ge, le }: PrefixListEntry): string {
    const length = lengthOf(prefix);
    const longest = le ?? (ge === undefined ? length : familyBits(familyOf(prefix)));
    return `${prefix} ${ge ?? length}..${longest}`;
}

/** Policies with other Pods than before, and the lasting part as it is. */
function withPods(policies: Policies, podNeighbors: readonly GobgpPodNeighbor[], pods: readonly PolicyPod[]): Policies {
    const isLasting = (name: string) => !name.startsWith(ownAddress(""));
    const prefixSets = only(policies.prefixSets, isLasting);
    const neighborSets = only(policies.neighborSets, isLasting);
    const changed: Record<string, readonly PolicyStatement[]> = { ...policies.policies };
    for (const neighbor of podNeighbors) {
        const addresses = [
            ...new Set(pods.filter(({ selector }) => selector === neighbor.name).flatMap((pod) => pod.addresses)),
        ].sort();
        neighborSets[podsOf(neighbor.name)] = [nobody, ...addresses.map(hostPrefix)].sort();
        if (!neighbor.ownAddress) {
            continue;
        }
        changed[ownPolicy(neighbor.name)] = addresses.map((address) => ownStatement(address, neighbor));
        for (const address of addresses) {
            const { prefixes, neighbors } = ownSets(address);
            neighborSets[ownAddress(address)] = neighbors;
            prefixSets[ownAddress(address)] = prefixes;
        }
    }
    return sorted({ ...policies, prefixSets, neighborSets, policies: changed });
}

/** That a Pod may announce its own address. */
function ownStatement(address: string, neighbor: GobgpPodNeighbor): PolicyStatement {
    return statementOf(ownAddress(address), ownAddress(address), "permit", neighbor);
}

function ownSets(address: string): Readonly<Record<"prefixes" | "neighbors", readonly string[]>> {
    const prefix = hostPrefix(address);
    return { neighbors: [prefix], prefixes: [rangeOf({ sequence: 0, action: "permit", prefix })] };
}

/** The address of a name that is of one Pod. */
function addressOfOwn(name: string): readonly string[] {
    const address = name.slice(ownAddress("").length);
    return name.startsWith(ownAddress("")) && isIP(address) !== 0 ? [address] : [];
}

function only(sets: Sets, keep: (name: string) => boolean): Record<string, readonly string[]> {
    return Object.fromEntries(Object.entries(sets).filter(([name]) => keep(name)));
}

function sorted(policies: Policies): Policies {
    const byName = <T>(record: Readonly<Record<string, T>>) =>
        Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
    return {
        ...policies,
        prefixSets: byName(policies.prefixSets),
        neighborSets: byName(policies.neighborSets),
        policies: byName(policies.policies),
    };
}

/**
 * The policies of a speaker with what it knows of Pods as that is: half of a Pod, too, since the peering controller may be
 * at work. What is not of that form is left out: a member of a set that is more than an address, or a statement that says
 * something else of a Pod than that it may announce its own.
 */
export function policiesAround(
    config: Pick<GobgpConfig, "neighbors" | "transit" | "podNeighbors">,
    now: Policies,
): Policies {
    const lasting = expectedPolicies(config);
    if (!config.transit) {
        return lasting;
    }
    const ofPods = Object.keys({ ...now.prefixSets, ...now.neighborSets }).flatMap(addressOfOwn);
    const prefixSets = { ...lasting.prefixSets };
    const neighborSets = { ...lasting.neighborSets };
    for (const address of ofPods) {
        const { prefixes, neighbors } = ownSets(address);
        keepIfSame(prefixSets, now.prefixSets, ownAddress(address), prefixes);
        keepIfSame(neighborSets, now.neighborSets, ownAddress(address), neighbors);
    }
    const policies = { ...lasting.policies };
    for (const neighbor of config.podNeighbors ?? []) {
        const set = podsOf(neighbor.name);
        neighborSets[set] = [nobody, ...(now.neighborSets[set] ?? []).filter(isOnePod)].sort();
        const own = ownPolicy(neighbor.name);
        if (policies[own] !== undefined) {
            policies[own] = (now.policies[own] ?? []).filter((statement) =>
                addressOfOwn(statement.name).some(
                    (address) =>
                        same(statement, ownStatement(address, neighbor)) &&
                        prefixSets[ownAddress(address)] !== undefined &&
                        neighborSets[ownAddress(address)] !== undefined,
                ),
            );
        }
    }
    return sorted({ ...lasting, prefixSets, neighborSets, policies });
}

function keepIfSame(
    kept: Record<string, readonly string[]>,
    now: Sets,
    name: string,
    members: readonly string[],
): void {
    if (same(now[name], members)) {
        kept[name] = members;
    }
}

function isOnePod(member: string): boolean {
    return member !== nobody && lengthOf(member) === familyBits(familyOf(member));
}

/** The Pods of which the policies of a speaker know all that there is to know. */
export function podsIn(policies: Policies, podNeighbors: readonly GobgpPodNeighbor[]): readonly PolicyPod[] {
    return podNeighbors.map((neighbor) => ({
        selector: neighbor.name,
        addresses: (policies.neighborSets[podsOf(neighbor.name)] ?? [])
            .filter(isOnePod)
            .map((member) => member.slice(0, member.indexOf("/")))
            .filter((address) => !neighbor.ownAddress || mayAnnounceOwn(policies, neighbor, address)),
    }));
}

function mayAnnounceOwn(
    { policies, prefixSets, neighborSets }: Policies,
    neighbor: GobgpPodNeighbor,
    address: string,
): boolean {
    const { prefixes, neighbors } = ownSets(address);
    return (
        same(prefixSets[ownAddress(address)], prefixes) &&
        same(neighborSets[ownAddress(address)], neighbors) &&
        (policies[ownPolicy(neighbor.name)] ?? []).some((each) => same(each, ownStatement(address, neighbor)))
    );
}

/** How policies differ from what is wanted, in words; nothing when they do not. */
export function policyDifferences(wanted: Policies, now: Policies): readonly string[] {
    const assignments = (["import", "export"] as const).flatMap((direction) => {
        const { policies, otherwise } = now[`${direction}s`];
        const isSame = same(now[`${direction}s`], wanted[`${direction}s`]);
        const rest = `and its default action is ${otherwise}`;
        return isSame ? [] : [`${direction} policy is ${policies.join(", ") || "none"}, ${rest}`];
    });
    return [
        ...assignments,
        ...different(wanted.policies, now.policies).map((name) => `policy ${name} is another than asked for`),
        ...different(wanted.neighborSets, now.neighborSets).map(
            (name) => `neighbor set ${name} is another than asked for`,
        ),
        ...different(wanted.prefixSets, now.prefixSets).map((name) => `prefix set ${name} is another than asked for`),
    ];
}

function same(a: unknown, b: unknown): boolean {
    return JSON.stringify(a) === JSON.stringify(b);
}

/** Names under which two records do not have the same, or only one has something. */
function different<T>(a: Readonly<Record<string, T>>, b: Readonly<Record<string, T>>): readonly string[] {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => !same(a[name], b[name]));
}

/** Numbers of GoBGP's API (DefinedType, RouteAction, RouteType, PolicyDirection, MatchSet.Type). */
const definedTypes = { prefix: 0, neighbor: 1 } as const;
const actions = ["none", "accept", "reject"] as const;
const routeTypes = [undefined, "internal", "external", "local"] as const;
const directions = { imports: 1, exports: 2 } as const;
const inverted = 2;

/** Asks a gobgpd for all of its policies. */
export async function readPolicies(api: GobgpApi): Promise<Policies> {
    const [prefixSets, neighborSets, policies, assignments] = await Promise.all([
        api.call("ListDefinedSet", { definedType: definedTypes.prefix }),
        api.call("ListDefinedSet", { definedType: definedTypes.neighbor }),
        api.call("ListPolicy"),
        api.call("ListPolicyAssignment", { name: "global" }),
    ]);
    const assignment = (direction: keyof typeof directions) =>
        readAssignment(
            assignments.find((each) => Number((each.assignment as Message).direction) === directions[direction]),
        );
    return sorted({
        prefixSets: Object.fromEntries(prefixSets.map(({ definedSet }) => readSet(definedSet as Message, rangesIn))),
        neighborSets: Object.fromEntries(
            neighborSets.map(({ definedSet }) =>
                readSet(definedSet as Message, ({ list }) => list as readonly string[]),
            ),
        ),
        policies: Object.fromEntries(policies.map(({ policy }) => readPolicy(policy as Message))),
        imports: assignment("imports"),
        exports: assignment("exports"),
    });
}

function readSet(
    set: Message,
    members: (set: Message) => readonly string[],
): readonly [name: string, members: readonly string[]] {
    return [String(set.name), [...members(set)].sort()];
}

function rangesIn({ prefixes }: Message): readonly string[] {
    return (prefixes as readonly Message[]).map(
        ({ ipPrefix, maskLengthMin, maskLengthMax }) => `${ipPrefix} ${maskLengthMin}..${maskLengthMax}`,
    );
}

function readPolicy({ name, statements }: Message): readonly [string, readonly PolicyStatement[]] {
    const all = (statements as readonly Message[]).map(readStatement);
    return [String(name), isOfPods(String(name)) ? all.sort((a, b) => (a.name < b.name ? -1 : 1)) : all];
}

function readStatement({ name, conditions, actions: done }: Message): PolicyStatement {
    const { neighborSet, prefixSet, routeType } = (conditions ?? {}) as Message;
    const type = routeTypes[Number(routeType ?? 0)];
    return {
        name: String(name),
        ...(neighborSet ? { neighbors: setName(neighborSet as Message) } : {}),
        ...(prefixSet ? { prefixes: setName(prefixSet as Message) } : {}),
        ...(type === undefined ? {} : { routeType: type }),
        action: actions[Number(((done ?? {}) as Message).routeAction ?? 0)] ?? "none",
    };
}

function setName({ type, name }: Message): string {
    return Number(type) === inverted ? `not ${name}` : String(name);
}

function readAssignment(answer: Message | undefined): Assignment {
    const { policies = [], defaultAction } = (answer?.assignment ?? {}) as Message;
    return {
        policies: (policies as readonly Message[]).map(({ name }) => String(name)),
        otherwise: actions[Number(defaultAction ?? 0)] ?? "none",
    };
}

/**
 * Makes the policies of a gobgpd as wanted. In no moment does a route pass that neither the old nor the new policies let
 * pass: where something has to be taken away that is in force, everything is rejected until the new is there. Routes that
 * were taken before stay, and are held against the new policies at the end.
 *
 * @param now what `readPolicies` has given
 * @throws Error when gobgpd refuses something; it then takes less than wanted, never more
 */
export async function applyPolicies(api: GobgpApi, wanted: Policies, now: Policies): Promise<void> {
    if (same(wanted, now)) {
        return;
    }
    const stale = stalePolicies(wanted, now);
    const isInForce = (name: string) => now.imports.policies.includes(name) || now.exports.policies.includes(name);
    if (now.imports.otherwise !== wanted.imports.otherwise) {
        // Whoever sees a part of the policies may rely on the rest: a gobgpd that was just started accepts everything.
        await assign(api, "imports", nothingPasses);
    }
    if (stale.some(isInForce)) {
        await assign(api, "imports", nothingPasses);
        await assign(api, "exports", nothingPasses);
    }
    await all(stale, (name) => remove(api, "DeletePolicy", { policy: { name }, all: true }));
    const kept = Object.fromEntries(Object.entries(now.policies).filter(([name]) => !stale.includes(name)));
    await removeStatements(api, wanted, kept);
    await applySets(api, wanted, now);
    await addStatements(api, wanted, kept);
    const isLastingSame = stale.length === 0 && same(now.imports, wanted.imports) && same(now.exports, wanted.exports);
    if (!isLastingSame) {
        await assign(api, "imports", wanted.imports);
        await assign(api, "exports", wanted.exports);
        await api.call("ResetPeer", { address: "all", soft: true, direction: softReset.both });
        return;
    }
    await all(newAddresses(wanted, now), (address) => askAgain(api, address));
}

const nothingPasses: Assignment = { policies: [], otherwise: "reject" };

const softReset = { in: 0, both: 2 } as const;

/** Calls for many things at once, but not for all: each is a stream of its own. */
async function all<T>(things: readonly T[], call: (thing: T) => Promise<unknown>): Promise<void> {
    const atOnce = 100;
    for (let first = 0; first < things.length; first += atOnce) {
        await Promise.all(things.slice(first, first + atOnce).map(call));
    }
}

/** Takes something away, or finds that provider or controller, who may both be at work on a Pod that goes, has done it. */
async function remove(api: GobgpApi, method: Parameters<GobgpApi["call"]>[0], request: Message): Promise<void> {
    await api.call(method, request).catch((error: Error) => {
        if (!error.message.includes("not found")) {
            throw error;
        }
    });
}

async function assign(api: GobgpApi, direction: keyof typeof directions, assignment: Assignment): Promise<void> {
    await api.call("SetPolicyAssignment", {
        assignment: {
            name: "global",
            direction: directions[direction],
            policies: assignment.policies.map((name) => ({ name })),
            defaultAction: actions.indexOf(assignment.otherwise),
        },
    });
}

/** Policies that are not wanted, or that cannot become as wanted by statements that come and go. */
function stalePolicies(wanted: Policies, now: Policies): readonly string[] {
    const changedSets = new Set(
        different(wanted.prefixSets, now.prefixSets).filter((name) => Object.hasOwn(wanted.prefixSets, name)),
    );
    return Object.entries(now.policies)
        .filter(([name, statements]) => {
            const goal = wanted.policies[name];
            if (goal === undefined || statements.some(({ prefixes = "" }) => changedSets.has(prefixes))) {
                return true;
            }
            const byName = new Map(goal.map((statement) => [statement.name, statement]));
            const isExtendable = isOfPods(name)
                ? statements.every((statement) => same(byName.get(statement.name) ?? statement, statement))
                : same(goal, statements);
            return !isExtendable;
        })
        .map(([name]) => name);
}

/** GoBGP keeps a statement that was taken from its policy, and refuses another one of its name. */
async function removeStatements(api: GobgpApi, wanted: Policies, kept: Policies["policies"]): Promise<void> {
    for (const [name, statements] of Object.entries(kept)) {
        const goal = new Set(wanted.policies[name]?.map((statement) => statement.name));
        const surplus = statements
            .filter((statement) => !goal.has(statement.name))
            .map(({ name: each }) => ({ name: each }));
        if (surplus.length > 0) {
            await remove(api, "DeletePolicy", { policy: { name, statements: surplus }, preserveStatements: true });
            await all(surplus, (statement) => remove(api, "DeleteStatement", { statement, all: true }));
        }
    }
}

/** A set of prefixes is made anew; to one of neighbors members are added, before others go, so that it never is empty. */
async function applySets(api: GobgpApi, wanted: Policies, now: Policies): Promise<void> {
    const prefixes = changesOf(wanted.prefixSets, now.prefixSets);
    const neighbors = changesOf(wanted.neighborSets, now.neighborSets);
    const removeSets = (definedType: number) => (name: string) =>
        remove(api, "DeleteDefinedSet", { definedSet: { definedType, name }, all: true });
    await all([...prefixes.surplus, ...prefixes.changed], removeSets(definedTypes.prefix));
    await all(neighbors.surplus, removeSets(definedTypes.neighbor));
    await all([...prefixes.missing, ...prefixes.changed], (name) =>
        api.call("AddDefinedSet", {
            definedSet: {
                definedType: definedTypes.prefix,
                name,
                prefixes: wanted.prefixSets[name]?.map(prefixMessage),
            },
        }),
    );
    await all([...neighbors.missing, ...neighbors.changed], async (name) => {
        const [goal, before] = [wanted.neighborSets[name] ?? [], now.neighborSets[name] ?? []];
        const definedSet = { definedType: definedTypes.neighbor, name };
        const [missing, surplus] = [without(goal, before), without(before, goal)];
        if (missing.length > 0) {
            await api.call("AddDefinedSet", { definedSet: { ...definedSet, list: missing } });
        }
        if (surplus.length > 0) {
            await remove(api, "DeleteDefinedSet", { definedSet: { ...definedSet, list: surplus } });
        }
    });
}

function changesOf(wanted: Sets, now: Sets) {
    const names = different(wanted, now);
    const isIn = (sets: Sets) => (name: string) => Object.hasOwn(sets, name);
    return {
        missing: names.filter((name) => !isIn(now)(name)),
        surplus: names.filter((name) => !isIn(wanted)(name)),
        changed: names.filter((name) => isIn(now)(name) && isIn(wanted)(name)),
    };
}

function without(list: readonly string[], others: readonly string[]): readonly string[] {
    const left = new Set(others);
    return list.filter((each) => !left.has(each));
}

function prefixMessage(range: string): Message {
    const [ipPrefix, shortest, longest] = range.split(/ |\.\./);
    return { ipPrefix, maskLengthMin: Number(shortest), maskLengthMax: Number(longest) };
}

async function addStatements(api: GobgpApi, wanted: Policies, kept: Policies["policies"]): Promise<void> {
    await all(Object.entries(wanted.policies), async ([name, statements]) => {
        const known = new Set(kept[name]?.map((statement) => statement.name));
        const missing = statements.filter((statement) => !known.has(statement.name));
        if (missing.length > 0 || !Object.hasOwn(kept, name)) {
            await api.call("AddPolicy", { policy: { name, statements: missing.map(statementMessage) } });
        }
    });
}

function statementMessage({ name, neighbors, prefixes, routeType, action }: PolicyStatement): Message {
    return {
        name,
        conditions: {
            ...(neighbors === undefined ? {} : { neighborSet: { name: neighbors } }),
            ...(prefixes === undefined ? {} : { prefixSet: { name: prefixes } }),
            routeType: routeTypes.indexOf(routeType),
        },
        actions: { routeAction: actions.indexOf(action) },
    };
}

/** Addresses of Pods of which the policies did not know something. */
function newAddresses(wanted: Policies, now: Policies): readonly string[] {
    const members = ({ neighborSets }: Policies) =>
        Object.entries(neighborSets)
            .filter(([name]) => name.startsWith("pods/"))
            .flatMap(([, list]) => list);
    const statements = ({ policies }: Policies) =>
        Object.values(policies).flatMap((all) => all.map(({ name }) => name));
    const fresh = without(members(wanted), members(now)).map((member) => member.slice(0, member.indexOf("/")));
    return [...new Set([...fresh, ...without(statements(wanted), statements(now)).flatMap(addressOfOwn)])];
}

/** Holds what a neighbor has sent against the policies again, if it is one already. */
async function askAgain(api: GobgpApi, address: string): Promise<void> {
    await api.call("ResetPeer", { address, soft: true, direction: softReset.in }).catch((error: Error) => {
        if (!error.message.includes("doesn't exist")) {
            throw error;
        }
    });
}

/**
 * Makes the policies of a speaker know exactly these Pods. To be called before a Pod becomes a neighbor, and after it has
 * ceased to be one. The lasting part is left as it is.
 *
 * @throws Error when the lasting part is not there or not in force, so that a Pod could announce anything: whoever
 *   configures the speaker has to make it first
 */
export async function applyPods(
    api: GobgpApi,
    { transit = false, podNeighbors = [] }: Pick<GobgpConfig, "transit" | "podNeighbors">,
    pods: readonly PolicyPod[],
): Promise<void> {
    if (!transit) {
        return;
    }
    const now = await readPolicies(api);
    const missing = podNeighbors.filter(({ name }) => now.neighborSets[podsOf(name)] === undefined);
    if (missing.length > 0) {
        const names = missing.map(({ name }) => name).join(", ");
        throw new Error(`the speaker has no policies for Pods of ${names} yet; its node has to be applied first`);
    }
    if (!isInForce(now, podNeighbors)) {
        throw new Error("the speaker does not ask its policies for Pods; its node has to be applied first");
    }
    await applyPolicies(api, withPods(now, podNeighbors, pods), now);
}

/** Whether nothing is taken of a Pod that its selector's policies do not accept. */
function isInForce({ imports }: Policies, podNeighbors: readonly GobgpPodNeighbor[]): boolean {
    const lasting = podNeighbors.flatMap((neighbor) => Object.keys(lastingPart(neighbor).policies));
    return imports.otherwise === "reject" && lasting.every((name) => imports.policies.includes(name));
}

/** The Pod that a neighbor is. */
export interface PodMark {
    readonly namespace: string;
    readonly name: string;
    /** Name of the selector that matches it. */
    readonly selector: string;
}

/** Description by which a neighbor is known as a Pod that the peering controller has added. */
export function markOf({ namespace, name, selector }: PodMark): string {
    return `pod ${namespace}/${name} of ${selector}`;
}

/** Reads a description; undefined when it is no Pod's. */
export function parseMark(description: string): PodMark | undefined {
    const [, namespace, name, selector] = /^pod ([^/\s]+)\/(\S+) of (\S+)$/.exec(description) ?? [];
    return namespace === undefined || name === undefined || selector === undefined
        ? undefined
        : { namespace, name, selector };
}

const peerTypes = { internal: 0, external: 1 } as const;
const addressFamilies: Readonly<Record<Family, number>> = { ipv4: 1, ipv6: 2 };
const unicast = 1;

/**
 * A Pod as gobgpd is told it. AS 0 stands for any.
 *
 * @param asn the speaker's own
 * @throws Error when the speaker has no address of the Pod's family, or none of its families is asked for
 */
export function podPeer(neighbor: GobgpPodNeighbor, address: string, mark: PodMark, asn: number): Message {
    const family = familyOf(address);
    const localAddress = neighbor.localAddresses.find((each) => familyOf(each) === family);
    if (localAddress === undefined || !neighbor.families.includes(family)) {
        throw new Error(`${neighbor.name} has no sessions with ${address}: they are of other families`);
    }
    const { remoteAsn = 0, holdTime, keepalive, connectRetry, ebgpMultihop } = neighbor;
    return {
        conf: {
            description: markOf(mark),
            neighborAddress: address,
            peerAsn: remoteAsn,
            localAsn: asn,
            type: remoteAsn === asn ? peerTypes.internal : peerTypes.external,
        },
        ebgpMultihop: { enabled: true, multihopTtl: ebgpMultihop },
        transport: { localAddress },
        timers: { config: { connectRetry, holdTime, keepaliveInterval: keepalive } },
        afiSafis: [{ config: { family: { afi: addressFamilies[family], safi: unicast }, enabled: true } }],
    };
}
