/** A node's gobgpd, told over its API, and the kernel of its node. */

import { familyOf, hostPrefix } from "../lab/address";
import type { Prefix } from "../lab/model";
import { connectGobgp, type GobgpApi, gobgpSocket, type Message } from "../provider/daemons/gobgp-api";
import {
    applyPods,
    markOf,
    type PolicyPod,
    parseMark,
    podPeer,
    podsIn,
    readPolicies,
} from "../provider/daemons/gobgp-policy";
import { gobgpOfferedPaths } from "../provider/daemons/gobgp-tables";
import type { Sandbox } from "../provider/sandbox/protocol";
import type { ControlledSpeaker, GobgpPodNeighbor } from "../provider/schema";
import { observeRoutes, setRoutes } from "./embedded-kernel";
import type { OpenTarget, Target } from "./loop";
import { doAll } from "./outcome";
import { permits } from "./permits";
import type { Action, ActualPeer, NeighborAction, PolicyAction, RouteAction, WantedPeer } from "./reconcile";

type Peer = WantedPeer<GobgpPodNeighbor>;

/** The target of a node's speaker: the neighbors that are Pods on this node, and where it takes routes, those, too. */
export function speakerTarget(
    connect: () => Promise<Sandbox>,
    node: string,
    config: ControlledSpeaker,
): Target<GobgpPodNeighbor> {
    return {
        name: node,
        settings: (peer) => settingsOf(messageOf(peer, config)),
        policy: (peers) => policyText(config, podsOf(peers)),
        mayLead: ({ selector, address }, prefix) => mayLead(selector, address, prefix),
        async open(changed) {
            const sandbox = await connect();
            try {
                const api = await connectGobgp(sandbox.path(gobgpSocket(node)), `gobgpd of ${node}`);
                return openSpeaker({ sandbox, api, node, config }, changed);
            } catch (error) {
                sandbox.close();
                throw error;
            }
        },
    };
}

interface Speaker {
    readonly sandbox: Sandbox;
    readonly api: GobgpApi;
    readonly node: string;
    readonly config: ControlledSpeaker;
}

function openSpeaker(speaker: Speaker, changed: (what: string) => void): OpenTarget<GobgpPodNeighbor> {
    const { sandbox, api, node, config } = speaker;
    const ending = new AbortController();
    return {
        gone: watchSpeaker(speaker, changed, ending.signal),
        async observe() {
            const [peers, policies, accepted] = await Promise.all([
                api.call("ListPeer"),
                readPolicies(api),
                config.transit ? acceptedRoutes(speaker) : {},
            ]);
            return {
                selectors: config.podNeighbors,
                nodes: [node],
                peers: peers.map(({ peer }) => actualPeer(peer as Message)),
                policy: policyText(config, podsIn(policies, config.podNeighbors)),
                ...accepted,
            };
        },
        async apply({ actions, wanted }, done) {
            await doAll(actions.filter(isRemoval), async (action) => {
                await api.call("DeletePeer", { address: action.address });
                done(action);
            });
            // Nobody becomes a neighbor before the policies know of it and are asked: what fails here ends the plan.
            const policies = actions.filter(isPolicy);
            if (policies.length > 0 || actions.some(isAddition)) {
                await applyPods(api, config, podsOf(wanted));
            }
            for (const action of policies) {
                done(action);
            }
            await doAll(actions.filter(isAddition), async (action) => {
                await api.call("AddPeer", { peer: messageOf(action.peer, config) });
                done(action);
            });
            await doAll(actions.filter(isRoute), async (action) => {
                await setRoutes(sandbox, action);
                done(action);
            });
        },
        close() {
            ending.abort();
            api.close();
            sandbox.close();
        },
    };
}

const isRemoval = (action: Action): action is Extract<NeighborAction, { kind: "remove neighbor" }> =>
    action.kind === "remove neighbor";
const isPolicy = (action: Action): action is PolicyAction => action.kind === "set policies";
const isAddition = (
    action: Action<GobgpPodNeighbor>,
): action is Extract<NeighborAction<GobgpPodNeighbor>, { kind: "add neighbor" }> => action.kind === "add neighbor";
const isRoute = (action: Action): action is RouteAction => action.kind === "set routes";

/** Best paths of the table (WatchEventRequest.Table.Filter.Type). */
const bestPaths = 0;

/** Hears of sessions and best paths that change, until gobgpd goes away. */
async function watchSpeaker(
    { api, node }: Speaker,
    changed: (what: string) => void,
    signal: AbortSignal,
): Promise<never> {
    const request = { peer: {}, table: { filters: [{ type: bestPaths }] } };
    const hear = ({ table }: Message) => changed(table ? "its routes changed" : "its sessions changed");
    await api.stream("WatchEvent", request, hear, signal);
    throw new Error(`gobgpd of ${node} ended`);
}

async function acceptedRoutes({ sandbox, api, node }: Speaker) {
    const [paths, kernel] = await Promise.all([gobgpOfferedPaths(api), observeRoutes(sandbox, [node])]);
    return { paths, ...kernel };
}

/** A speaker that takes nothing of anyone has no policies of Pods. */
function policyText({ transit, podNeighbors }: ControlledSpeaker, pods: readonly PolicyPod[]): string {
    const bySelector = podNeighbors.map(({ name }) => [
        name,
        pods
            .filter(({ selector }) => selector === name)
            .flatMap(({ addresses }) => addresses)
            .sort(),
    ]);
    return transit ? JSON.stringify(bySelector) : "";
}

function podsOf(peers: readonly Peer[]): readonly PolicyPod[] {
    return peers.map(({ selector, address }) => ({ selector: selector.name, addresses: [address] }));
}

function messageOf({ selector, address, pod }: Peer, { asn }: ControlledSpeaker): Message {
    return podPeer(selector, address, { namespace: pod.namespace, name: pod.name, selector: selector.name }, asn);
}

function actualPeer(peer: Message): ActualPeer {
    const { neighborAddress, description } = peer.conf as Message;
    const mark = parseMark(String(description ?? ""));
    return {
        address: String(neighborAddress),
        ...(mark === undefined ? {} : { mark: markOf(mark) }),
        settings: settingsOf(peer),
    };
}

/** What a Pod's neighbor has that may differ, in the same words for one that is told and one that is there. */
function settingsOf({ conf, ebgpMultihop, transport, timers, afiSafis, state }: Message): string {
    const { connectRetry, holdTime, keepaliveInterval } = (timers as Message).config as Message;
    const isDown =
        (conf as Message).adminDown === true || Number((state as Message | undefined)?.adminState ?? 0) === 1;
    return JSON.stringify({
        asn: (conf as Message).peerAsn,
        hops: (ebgpMultihop as Message | undefined)?.multihopTtl,
        from: (transport as Message).localAddress,
        timers: [connectRetry, holdTime, keepaliveInterval],
        families: (afiSafis as readonly Message[]).map(({ config }) => (config as Message).family),
        isDown,
    });
}

/**
 * Whether a Pod's selector lets it have the packets to a prefix. The speaker has asked the same already; should its
 * policies be taken from it, packets of this node still do not follow.
 */
function mayLead(neighbor: GobgpPodNeighbor, address: string, prefix: Prefix): boolean {
    const { administratorEntries, importEntries, ownAddress } = neighbor;
    const own = ownAddress ? [{ sequence: 0, action: "permit" as const, prefix: hostPrefix(address) }] : [];
    return permits(familyOf(prefix), administratorEntries, own, importEntries)(prefix);
}
