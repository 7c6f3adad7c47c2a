/** Routers, hosts and nodes that come, go or are configured otherwise. Their sessions are told elsewhere. */

import { familyName } from "../lab/address";
import { type RoutingInstance, routingInstances } from "../lab/instances";
import type {
    BgpSpeaker,
    Device,
    Interface,
    KubernetesNode,
    Lab,
    PodPlacement,
    PrefixList,
    Router,
    SpeakerFamily,
    StaticRoute,
    VirtualServer,
} from "../lab/model";
import { labelTexts } from "../lab/selectors";
import { findSessionSettings, nodeSpeakers, programNames } from "../lab/speakers";
import { viaText } from "../render/frr";
import { entryText, type Facts, facts, factsIn, factTexts, fieldChanges, joined, noFacts, renamed } from "./facts";
import { byRank, kindOf, pairByName } from "./pairing";
import { type Parts, partChanges } from "./parts";
import type { DeviceChange } from "./review";
import { selectedFacts } from "./selected";

/** Devices that differ: those that go first, then those that change. */
export function deviceChanges(before: Lab | undefined, after: Lab | undefined): readonly DeviceChange[] {
    const changes = pairByName(accounts(before), accounts(after)).flatMap(([, pair]): readonly DeviceChange[] => {
        const { role, device } = (pair.after ?? pair.before)!;
        const kind = kindOf(pair);
        const fields = [
            ...fieldChanges(pair.before?.facts ?? noFacts, pair.after?.facts ?? noFacts),
            ...partChanges(pair.before?.vrfs ?? {}, pair.after?.vrfs ?? {}, (vrf, field) => `${field} (${vrf})`),
        ];
        return kind === "changed" && fields.length === 0 ? [] : [{ kind, role, device, fields }];
    });
    return byRank(changes, ({ kind }) => ["removed", "changed", "added"].indexOf(kind));
}

interface Account {
    readonly role: DeviceChange["role"];
    readonly device: string;
    readonly facts: Facts;
    /** What is said of a router's VRFs beside the default one, by what they are called. */
    readonly vrfs?: Parts;
}

/** A device that takes another role is another device. */
function accounts(lab: Lab | undefined): Readonly<Record<string, Account>> {
    if (lab === undefined) {
        return {};
    }
    const all: readonly Account[] = [
        ...Object.entries(lab.routers).map(([device, router]) =>
            router.pod === undefined ? routerAccount(device, router) : podAccount(device, router, router.pod),
        ),
        ...Object.entries(lab.hosts).map(
            ([device, host]) => ({ role: "host", device, facts: deviceFacts(host) }) as const,
        ),
        ...Object.entries(lab.cluster.nodes).map(
            ([device, node]) => ({ role: "node", device, facts: nodeFacts(lab, device, node) }) as const,
        ),
    ];
    return Object.fromEntries(all.map((account) => [`${account.role} ${account.device}`, account]));
}

/** What its network gives a Pod follows from its address and node. */
function podAccount(device: string, router: Router, { node, labels, ...placement }: PodPlacement): Account {
    const { pod: _pod, ...settings } = router;
    const account = routerAccount(device, { ...settings, staticRoutes: [] });
    return {
        ...account,
        role: "Pod",
        facts: joined(facts(["node", node], ["labels", labelTexts(labels)]), factsIn(placement), account.facts),
    };
}

function routerAccount(device: string, router: Router): Account {
    const { nos, nosVersion, interfaces, staticRoutes: _own, prefixLists, bgp: _bgp, vrfs: _vrfs, ...others } = router;
    const { sourceNat = [], virtualServers = [], ...rest } = others;
    const [own, ...instances] = routingInstances(router);
    return {
        role: "router",
        device,
        facts: joined(
            facts(["operating system", [nos, nosVersion].filter((part) => part !== undefined).join(" ")]),
            instanceFacts(own!),
            interfaceFacts(interfaces),
            ...prefixLists.map(prefixListFacts),
            facts(["source NAT", sourceNat.map((nat) => `${nat.source} on ${nat.interface}`)]),
            facts(["virtual servers", virtualServers.map(virtualServerText)]),
            factsIn(rest),
        ),
        vrfs: Object.fromEntries(instances.map((instance) => [`VRF ${instance.vrf}`, instanceFacts(instance)])),
    };
}

function virtualServerText({ address, port, workload }: VirtualServer): string {
    return `${address} port ${port} to ${workload.namespace}/${workload.name}`;
}

function instanceFacts({ staticRoutes, bgp, leaking }: RoutingInstance): Facts {
    return joined(speakerFacts(bgp), factsIn(leaking ?? {}), staticRouteFacts(staticRoutes));
}

function speakerFacts(speaker: BgpSpeaker): Facts {
    const { asn, routerId, families, peerGroups, neighbors, podNeighbors = [], ...settings } = speaker;
    const used = new Set(neighbors.flatMap(({ session }) => (session.kind === "group" ? [session.group] : [])));
    const unused = peerGroups.filter(({ name }) => !used.has(name));
    const astray = neighbors.filter((neighbor) => findSessionSettings(speaker, neighbor) === undefined);
    return joined(
        facts(["AS", String(asn)], ["BGP identifier", routerId]),
        factsIn(settings),
        ...families.map(familyFacts),
        facts(
            ...podNeighbors.map((selected) => [`Pods ${selected.name}`, factTexts(selectedFacts(selected))] as const),
        ),
        // What sessions make of their group or lack of one, the sessions say.
        facts(...unused.map((group) => [`peer group ${group.name}`, factTexts(factsIn(group.settings))] as const)),
        facts(
            ...astray.map(({ address, remoteAsn }) => [`neighbor ${address}`, `AS ${remoteAsn}, no settings`] as const),
        ),
    );
}

function familyFacts({ family, ...origins }: SpeakerFamily): Facts {
    return renamed(factsIn(origins), (field) => `${field} (${familyName(family)})`);
}

function prefixListFacts({ name, family, entries }: PrefixList): Facts {
    return facts([`prefix list ${name} (${familyName(family)})`, entries.map(entryText)]);
}

function nodeFacts(lab: Lab, name: string, node: KubernetesNode): Facts {
    const { labels, podCidrs: _podCidrs, routerId, ...device } = node;
    const { interfaces, staticRoutes, ...settings } = withoutPods(lab, device);
    const speakers = nodeSpeakers(lab, name);
    const isAlone = speakers.length === 1;
    return joined(
        facts(
            ...speakers.map(
                ({ program, asn }) => [isAlone ? "AS" : `AS of ${programNames[program]}`, String(asn)] as const,
            ),
            ["BGP identifier", routerId],
            ["labels", labelTexts(labels)],
        ),
        deviceFacts({ interfaces, staticRoutes }),
        factsIn(settings),
    );
}

/** A node's ends of its Pods' links come and go with the Pods. */
function withoutPods<T extends Device>({ segments }: Lab, device: T): T {
    const isToPod = ({ attachment }: Interface) =>
        attachment.kind === "segment" && segments[attachment.segment]?.kind === "pod-link";
    const ports = new Set(device.interfaces.filter(isToPod).map(({ name }) => name));
    return {
        ...device,
        interfaces: device.interfaces.filter(({ name }) => !ports.has(name)),
        staticRoutes: device.staticRoutes.filter(({ via }) => via.kind !== "interface" || !ports.has(via.interface)),
    };
}

function deviceFacts({ interfaces, staticRoutes, ...rest }: Device): Facts {
    return joined(interfaceFacts(interfaces), staticRouteFacts(staticRoutes), factsIn(rest));
}

/** Interfaces by what they are connected to: their names follow from how many there are. */
function interfaceFacts(interfaces: readonly Interface[]): Facts {
    return gathered(
        interfaces.map(({ name, attachment, addresses, vrf }) => [
            attachment.kind === "segment" ? `interface on ${attachment.segment}` : `interface ${name}`,
            [name, ...addresses, ...(vrf === undefined ? [] : [`VRF ${vrf}`])],
        ]),
    );
}

function staticRouteFacts(routes: readonly StaticRoute[]): Facts {
    return gathered(routes.map(({ prefix, via }) => [`static route ${prefix}`, [viaText(via)]]));
}

/** Facts of which several may have one field. */
function gathered(entries: readonly (readonly [field: string, texts: readonly string[]])[]): Facts {
    const all = new Map<string, readonly string[]>();
    for (const [field, texts] of entries) {
        all.set(field, [...(all.get(field) ?? []), ...texts]);
    }
    return all;
}
