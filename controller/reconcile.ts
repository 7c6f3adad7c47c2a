/**
 * What the peering controller decides, as a pure function: from Pods and selectors, which neighbors, import policies and
 * kernel routes there should be; and from those that there are, what has to be done. Its ends look and act:
 * `embedded.ts` in a lab of namespaces, `kubernetes.ts` in a cluster.
 */

import { compareAddresses, familyName, familyOf, parseAddress } from "../lab/address";
import type { Address, Family, LabelSelector, Labels, Prefix } from "../lab/model";
import { matchesPod } from "../lab/pods";

/** A Pod as an API gave it. Nothing of it is taken for granted: a Pod that cannot be a neighbor is left out, with a reason. */
export interface ObservedPod {
    readonly namespace: string;
    readonly name: string;
    /** Unlike that of any Pod before it. */
    readonly uid: string;
    readonly node: string;
    readonly labels: unknown;
    /** At most one per family is used, the first. */
    readonly addresses: readonly string[];
    /** Why it is no neighbor whatever its labels are, e.g. `it shares the addresses of its node`. @default nothing is in the way */
    readonly unfit?: string;
}

/** A neighbor by label: every Pod of a namespace that the selector matches, once per family. */
export interface PodSelector {
    readonly name: string;
    readonly namespace: string;
    readonly selector: LabelSelector;
    readonly families: readonly Family[];
}

/** A neighbor that there should be. */
export interface WantedPeer<S extends PodSelector = PodSelector> {
    readonly address: Address;
    readonly family: Family;
    readonly pod: { readonly namespace: string; readonly name: string; readonly node: string };
    readonly selector: S;
}

/** A neighbor that there is. */
export interface ActualPeer {
    readonly address: Address;
    /** By which the controller knows its own neighbors (`markOf`); absent for one that is not its business. */
    readonly mark?: string;
    /** Whatever of it the controller sets, in the words of `Terms.settings`. */
    readonly settings: string;
}

/** A route that a neighbor offers and that was taken. */
export interface AcceptedPath {
    readonly prefix: Prefix;
    readonly nextHop: Address;
    /** Who offered it. */
    readonly neighbor: Address;
}

/** Kernel routes learned of Pods: next hops by prefix, by node. */
export type Routes = Readonly<Record<string, Readonly<Record<Prefix, Address>>>>;

/** What a target is told and what it has. */
export interface TargetState<S extends PodSelector = PodSelector> {
    /** In order: a Pod's address of a family belongs to the first that matches the Pod and has the family. */
    readonly selectors: readonly S[];
    /** Nodes whose Pods are meant. @default those of all nodes */
    readonly nodes?: readonly string[];
    /** All neighbors, also those that are not the controller's. Absent where Pods become neighbors by calling. */
    readonly peers?: readonly ActualPeer[];
    /** The import policies, in the words of `Terms.policy`. */
    readonly policy?: string;
    /** What was taken of any neighbor. Absent where nobody keeps kernel routes. */
    readonly paths?: readonly AcceptedPath[];
    /** Kernel routes that were learned of Pods, by anyone. */
    readonly routes?: Routes;
    /**
     * Prefixes to which a node's kernel has a route of another origin, by node: that one stays. The address of each Pod on
     * the node is such a prefix. @default none
     */
    readonly occupied?: Readonly<Record<string, ReadonlySet<Prefix>>>;
}

/** How a target says what it should have, so that it can be compared with what it has. */
export interface Terms<S extends PodSelector = PodSelector> {
    /** Whatever the controller sets of a neighbor. */
    settings(peer: WantedPeer<S>): string;
    /** The import policies for these neighbors. Absent where the controller sets none. */
    policy?(peers: readonly WantedPeer<S>[]): string;
    /** Whether a neighbor may get the packets to a prefix. @default whatever was taken of it is right */
    mayLead?(peer: WantedPeer<S>, prefix: Prefix): boolean;
}

/** A neighbor that comes or goes. */
export type NeighborAction<S extends PodSelector = PodSelector> =
    | { readonly kind: "remove neighbor"; readonly address: Address; readonly mark: string; readonly why: string }
    | { readonly kind: "add neighbor"; readonly peer: WantedPeer<S>; readonly why: string };

/** The import policies that a target should have from now on. */
export interface PolicyAction {
    readonly kind: "set policies";
    readonly policy: string;
    readonly why: string;
}

/** All routes of Pods that a node's kernel should have from now on. */
export interface RouteAction {
    readonly kind: "set routes";
    readonly node: string;
    readonly routes: Readonly<Record<Prefix, Address>>;
    readonly why: string;
}

/** One thing to do, and why. */
export type Action<S extends PodSelector = PodSelector> = NeighborAction<S> | PolicyAction | RouteAction;

/** Something that is not as its author may think, and that the controller works around. */
export interface Note {
    /** `Pod default/loadbalancer-0` or `selector loadbalancer`. */
    readonly about: string;
    readonly says: string;
}

/** All that is to be done, in this order: who must go, what may pass, who comes, and where packets go. */
export interface Plan<S extends PodSelector = PodSelector> {
    readonly wanted: readonly WantedPeer<S>[];
    readonly actions: readonly Action<S>[];
    readonly notes: readonly Note[];
}

/** Description of a neighbor that the controller made. */
export function markOf({ pod, selector }: Pick<WantedPeer, "pod" | "selector">): string {
    return `pod ${pod.namespace}/${pod.name} of ${selector.name}`;
}

/** What has to be done so that a target has what it should have: nothing when it has. */
export function plan<S extends PodSelector>(
    pods: readonly ObservedPod[],
    state: TargetState<S>,
    terms: Terms<S>,
): Plan<S> {
    const { wanted, notes } = wantedPeers(pods, state);
    const neighbors = state.peers === undefined ? [] : neighborActions(pods, wanted, state.peers, terms);
    const routes = wantedRoutes(wanted, state, terms);
    return {
        wanted,
        actions: [
            ...neighbors.filter(({ kind }) => kind === "remove neighbor"),
            ...policyActions(wanted, neighbors.length > 0, state, terms),
            ...neighbors.filter(({ kind }) => kind === "add neighbor"),
            ...routeActions(routes.wanted, state.routes ?? {}),
        ],
        notes: [...notes, ...routes.notes],
    };
}

/** The neighbors that there should be, by address. */
export function wantedPeers<S extends PodSelector>(
    pods: readonly ObservedPod[],
    state: Pick<TargetState<S>, "selectors" | "nodes" | "peers">,
): { readonly wanted: readonly WantedPeer<S>[]; readonly notes: readonly Note[] } {
    const taken = new Map<Address, string>(
        (state.peers ?? [])
            .filter(({ mark }) => mark === undefined)
            .map(({ address }) => [address, "that of a neighbor that is configured by it"]),
    );
    const candidates = candidatesOf(pods, state);
    const wanted: WantedPeer<S>[] = [];
    const notes = [...candidates.notes];
    for (const peer of candidates.peers) {
        const owner = taken.get(peer.address);
        if (owner === undefined) {
            taken.set(peer.address, `that of Pod ${peer.pod.namespace}/${peer.pod.name}`);
            wanted.push(peer);
        } else {
            notes.push({ about: podName(peer.pod), says: `its address ${peer.address} is ${owner}, which stays` });
        }
    }
    return { wanted, notes };
}

interface Candidates<S extends PodSelector> {
    readonly peers: readonly WantedPeer<S>[];
    readonly notes: readonly Note[];
}

/** Every address of every Pod that is meant, whoever else has it; in an order that does not depend on the API's. */
function candidatesOf<S extends PodSelector>(
    pods: readonly ObservedPod[],
    { selectors, nodes }: Pick<TargetState<S>, "selectors" | "nodes">,
): Candidates<S> {
    const here = nodes === undefined ? undefined : new Set(nodes);
    const found = pods
        .filter(({ node }) => here === undefined || here.has(node))
        .sort((a, b) => compareText(keyOf(a), keyOf(b)))
        .map((pod) => candidate(pod, selectors));
    const used = new Set(found.flatMap(({ peers }) => peers.map(({ selector }) => selector.name)));
    return {
        peers: found.flatMap(({ peers }) => peers),
        notes: [
            ...found.flatMap(({ notes }) => notes),
            ...selectors
                .filter(({ name }) => !used.has(name))
                .map(({ name }) => ({ about: `selector ${name}`, says: "no Pod here becomes a neighbor by it" })),
        ],
    };
}

function candidate<S extends PodSelector>(pod: ObservedPod, selectors: readonly S[]): Candidates<S> {
    const says = (text: string): Note => ({ about: podName(pod), says: text });
    const near = selectors.filter(({ namespace }) => namespace === pod.namespace);
    if (near.length === 0) {
        return { peers: [], notes: [] };
    }
    const labels = readLabels(pod.labels);
    if (typeof labels === "string") {
        return { peers: [], notes: [says(`left out: ${labels}`)] };
    }
    const matching = near.filter((each) => matchesPod(each, { namespace: pod.namespace, labels }));
    const claims = claimsOf(matching);
    if (matching.length === 0) {
        return { peers: [], notes: [] };
    }
    if (pod.unfit !== undefined) {
        return { peers: [], notes: [says(`left out: ${pod.unfit}`)] };
    }
    const addresses = addressesOf(pod);
    return {
        peers: claims.owners.flatMap(([family, selector]) => {
            const address = addresses.byFamily[family];
            const { namespace, name, node } = pod;
            return address === undefined ? [] : [{ address, family, pod: { namespace, name, node }, selector }];
        }),
        notes: [
            ...claims.late.map(([name, owner]) => says(`selector ${name} matches it, too; it belongs to ${owner}`)),
            ...addresses.garbage.map((text) => says(`"${text}" is no address and is ignored`)),
            ...missing(
                claims.owners.map(([family]) => family),
                addresses.byFamily,
            ).map(says),
        ],
    };
}

interface Claims<S extends PodSelector> {
    /** The selector to which a Pod's address of a family belongs: the first that has the family. */
    readonly owners: readonly (readonly [Family, S])[];
    /** Names of selectors that come too late for a family, with the one that was before them. */
    readonly late: readonly (readonly [name: string, owner: string])[];
}

function claimsOf<S extends PodSelector>(matching: readonly S[]): Claims<S> {
    const owners = new Map<Family, S>();
    const late = matching.flatMap((selector): (readonly [string, string])[] => {
        const owned = selector.families.map((family) => owners.get(family));
        for (const family of selector.families.filter((each) => !owners.has(each))) {
            owners.set(family, selector);
        }
        const owner = owned.find((each) => each !== undefined);
        return owner === undefined ? [] : [[selector.name, owner.name]];
    });
    return { owners: [...owners], late };
}

function missing(families: readonly Family[], found: Partial<Record<Family, Address>>): readonly string[] {
    const without = families.filter((family) => found[family] === undefined);
    if (families.length > 0 && without.length === families.length) {
        return ["left out: it has no address yet"];
    }
    return without.map((family) => `has no ${familyName(family)} address, and so no ${familyName(family)} session`);
}

function addressesOf({ addresses }: ObservedPod): {
    readonly byFamily: Partial<Record<Family, Address>>;
    readonly garbage: readonly string[];
} {
    const byFamily: Partial<Record<Family, Address>> = {};
    const garbage: string[] = [];
    for (const text of addresses) {
        if (isAddress(text)) {
            byFamily[familyOf(text)] ??= text;
        } else {
            garbage.push(String(text));
        }
    }
    return { byFamily, garbage };
}

function isAddress(text: unknown): boolean {
    try {
        return typeof text === "string" && parseAddress(text) !== undefined;
    } catch {
        return false;
    }
}

/** Label keys and values that an API server takes (kubernetes.io, "Labels and Selectors", "Syntax and character set"). */
const labelName = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const labelPrefix = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** Labels that an API server would have taken, or what is wrong with them: who wears others is not trusted at all. */
function readLabels(labels: unknown): Labels | string {
    if (labels === undefined || labels === null) {
        return {};
    }
    if (typeof labels !== "object" || Array.isArray(labels)) {
        return `its labels are ${JSON.stringify(labels)?.slice(0, 60)}, not names with values`;
    }
    const wrong = Object.entries(labels).find(([key, value]) => !isKey(key) || !isValue(value));
    return wrong === undefined
        ? (labels as Labels)
        : `${JSON.stringify(wrong[0].slice(0, 60))}: ${JSON.stringify(wrong[1])?.slice(0, 60)} is no label`;
}

function isKey(key: string): boolean {
    const slash = key.indexOf("/");
    return (slash < 0 || labelPrefix.test(key.slice(0, slash))) && labelName.test(key.slice(slash + 1));
}

function isValue(value: unknown): boolean {
    return typeof value === "string" && (value === "" || labelName.test(value));
}

function podName({ namespace, name }: Pick<ObservedPod, "namespace" | "name">): string {
    return `Pod ${namespace}/${name}`;
}

function keyOf({ namespace, name, uid }: ObservedPod): string {
    return `${namespace}/${name}/${uid}`;
}

function compareText(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

/** Who has to go and who has to come. A neighbor that differs in anything is made anew. Neighbors without mark stay. */
function neighborActions<S extends PodSelector>(
    pods: readonly ObservedPod[],
    wanted: readonly WantedPeer<S>[],
    actual: readonly ActualPeer[],
    terms: Terms<S>,
): readonly NeighborAction<S>[] {
    const byAddress = new Map(wanted.map((peer) => [peer.address, peer]));
    const own = actual.flatMap(({ mark, ...peer }) => (mark === undefined ? [] : [{ ...peer, mark }]));
    const isRight = ({ address, mark, settings }: Required<ActualPeer>) => {
        const peer = byAddress.get(address);
        return peer !== undefined && markOf(peer) === mark && terms.settings(peer) === settings;
    };
    const right = new Set(own.filter(isRight).map(({ address }) => address));
    return [
        ...own
            .filter((peer) => !isRight(peer))
            .map(({ address, mark }): NeighborAction<S> => {
                const peer = byAddress.get(address);
                const why = peer && markOf(peer) === mark ? "its settings are others" : reasonToGo(mark, address, pods);
                return { kind: "remove neighbor", address, mark, why };
            }),
        ...wanted
            .filter(({ address }) => !right.has(address))
            .map(
                (peer): NeighborAction<S> => ({
                    kind: "add neighbor",
                    peer,
                    why: `${podName(peer.pod)} on ${peer.pod.node} matches selector ${peer.selector.name}`,
                }),
            ),
    ];
}

/** What became of the Pod that a mark speaks of. */
function reasonToGo(mark: string, address: Address, pods: readonly ObservedPod[]): string {
    const [, namespace, name] = /^pod ([^/ ]+)\/([^ ]+) of /.exec(mark) ?? [];
    const namesakes = pods.filter((pod) => pod.namespace === namespace && pod.name === name);
    const [pod] = namesakes;
    if (pod === undefined) {
        return `Pod ${namespace}/${name} has gone`;
    }
    if (!namesakes.some(({ addresses }) => addresses.includes(address))) {
        return `${podName(pod)} is now ${pod.addresses.join(" and ") || "without address"} on ${pod.node}`;
    }
    return `no selector matches ${podName(pod)} here any more`;
}

function policyActions<S extends PodSelector>(
    wanted: readonly WantedPeer<S>[],
    changesNeighbors: boolean,
    { policy: actual }: TargetState<S>,
    { policy: policyOf }: Terms<S>,
): readonly PolicyAction[] {
    const policy = policyOf?.(wanted);
    if (policy === undefined || policy === actual) {
        return [];
    }
    const why = changesNeighbors ? "other Pods are neighbors" : "it had others than its selectors ask for";
    return [{ kind: "set policies", policy, why }];
}

/**
 * Where packets should go: to the Pod that announced a prefix, on its own node. Only a Pod that is a neighbor is followed,
 * and only to itself: a next hop elsewhere would let it steer what others are to receive.
 */
function wantedRoutes<S extends PodSelector>(
    wanted: readonly WantedPeer<S>[],
    { paths = [], occupied = {} }: TargetState<S>,
    terms: Terms<S>,
): { readonly wanted: Routes; readonly notes: readonly Note[] } {
    const peers = new Map(wanted.map((peer) => [peer.address, peer]));
    const routes = new Map<string, Map<Prefix, Address>>();
    const notes: Note[] = [];
    const ofPods = paths.filter(({ neighbor }) => peers.has(neighbor));
    for (const { prefix, nextHop, neighbor } of ofPods) {
        const peer = peers.get(neighbor)!;
        const { node } = peer.pod;
        const objection = objectionTo(peer, prefix, nextHop, terms);
        if (objection !== undefined) {
            notes.push({ about: podName(peer.pod), says: `${prefix} is not routed to it: ${objection}` });
        } else if (!occupied[node]?.has(prefix)) {
            const onNode = routes.get(node) ?? new Map<Prefix, Address>();
            routes.set(node, onNode.set(prefix, lower(onNode.get(prefix), neighbor)));
        }
    }
    const byNode = [...routes].map(([node, hops]) => [node, Object.fromEntries(hops)] as const);
    return { wanted: Object.fromEntries(byNode), notes };
}

/** Of several Pods on one node the one with the lowest address gets the packets. */
function lower(known: Address | undefined, other: Address): Address {
    return known === undefined || compareAddresses(other, known) < 0 ? other : known;
}

function objectionTo<S extends PodSelector>(
    peer: WantedPeer<S>,
    prefix: Prefix,
    nextHop: Address,
    { mayLead }: Terms<S>,
): string | undefined {
    if (nextHop !== peer.address) {
        return `its next hop ${nextHop} is somebody else`;
    }
    return mayLead?.(peer, prefix) === false ? `selector ${peer.selector.name} does not allow it` : undefined;
}

function routeActions(wanted: Routes, actual: Routes): readonly RouteAction[] {
    const nodes = [...new Set([...Object.keys(actual), ...Object.keys(wanted)])].sort();
    return nodes.flatMap((node): RouteAction[] => {
        const [has, needs] = [actual[node] ?? {}, wanted[node] ?? {}];
        const added = Object.keys(needs).filter((prefix) => has[prefix] !== needs[prefix]);
        const removed = Object.keys(has).filter((prefix) => needs[prefix] === undefined);
        if (added.length === 0 && removed.length === 0) {
            return [];
        }
        const why = [
            ...added.map((prefix) => `${prefix} was taken of ${needs[prefix]}`),
            ...removed.map((prefix) => `${prefix} is no longer taken of ${has[prefix]}`),
        ].join(", ");
        return [{ kind: "set routes", node, routes: needs, why }];
    });
}
