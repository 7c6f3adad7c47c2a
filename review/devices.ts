/** Routers, hosts and nodes that come, go or are configured otherwise. Their sessions are told elsewhere. */

import { familyName } from "../lab/address";
import { type RoutingInstance, routingInstances } from "../lab/instances";
import type {
    BgpSpeaker,
    Device,
    Interface,
    KubernetesNode,
    Lab,
    PrefixList,
    Router,
    SpeakerFamily,
    StaticRoute,
} from "../lab/model";
import { findSessionSettings, nodeSpeakers, programNames } from "../lab/speakers";
import {
    entryText,
    type Facts,
    facts,
    factsIn,
    factTexts,
    fieldChanges,
    joined,
    labelTexts,
    noFacts,
    renamed,
} from "./facts";
import { byRank, kindOf, pairByName } from "./pairing";
import type { DeviceChange } from "./review";

/** Devices that differ: those that go first, then those that change. */
export function deviceChanges(before: Lab | undefined, after: Lab | undefined): readonly DeviceChange[] {
    const changes = pairByName(accounts(before), accounts(after)).flatMap(([, pair]): readonly DeviceChange[] => {
        const { role, device } = (pair.after ?? pair.before)!;
        const kind = kindOf(pair);
        const fields = fieldChanges(pair.before?.facts ?? noFacts, pair.after?.facts ?? noFacts);
        return kind === "changed" && fields.length === 0 ? [] : [{ kind, role, device, fields }];
    });
    return byRank(changes, ({ kind }) => ["removed", "changed", "added"].indexOf(kind));
}

interface Account {
    readonly role: DeviceChange["role"];
    readonly device: string;
    readonly facts: Facts;
}

/** A device that takes another role is another device. */
function accounts(lab: Lab | undefined): Readonly<Record<string, Account>> {
    if (lab === undefined) {
        return {};
    }
    const of = <T>(
        role: Account["role"],
        devices: Readonly<Record<string, T>>,
        factsOf: (device: T, name: string) => Facts,
    ) =>
        Object.entries(devices).map(
            ([device, model]) => [`${role} ${device}`, { role, device, facts: factsOf(model, device) }] as const,
        );
    return Object.fromEntries([
        ...of("router", lab.routers, routerFacts),
        ...of("host", lab.hosts, deviceFacts),
        ...of("node", lab.cluster.nodes, (node, name) => nodeFacts(lab, name, node)),
    ]);
}

function routerFacts(router: Router): Facts {
    const { nos, nosVersion, interfaces, staticRoutes: _own, prefixLists, bgp: _bgp, vrfs: _vrfs, ...others } = router;
    const { sourceNat = [], ...rest } = others;
    return joined(
        facts(["operating system", [nos, nosVersion].filter((part) => part !== undefined).join(" ")]),
        ...routingInstances(router).map(instanceFacts),
        interfaceFacts(interfaces),
        ...prefixLists.map(prefixListFacts),
        facts(["source NAT", sourceNat.map((nat) => `${nat.source} on ${nat.interface}`)]),
        factsIn(rest),
    );
}

function instanceFacts({ vrf, staticRoutes, bgp, leaking }: RoutingInstance): Facts {
    const account = joined(speakerFacts(bgp), factsIn(leaking ?? {}), staticRouteFacts(staticRoutes));
    return vrf === undefined ? account : renamed(account, (field) => `${field} (VRF ${vrf})`);
}

function speakerFacts(speaker: BgpSpeaker): Facts {
    const { asn, routerId, families, peerGroups, neighbors, ...settings } = speaker;
    const used = new Set(neighbors.flatMap(({ session }) => (session.kind === "group" ? [session.group] : [])));
    const unused = peerGroups.filter(({ name }) => !used.has(name));
    const astray = neighbors.filter((neighbor) => findSessionSettings(speaker, neighbor) === undefined);
    return joined(
        facts(["AS", String(asn)], ["BGP identifier", routerId]),
        factsIn(settings),
        ...families.map(familyFacts),
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
    const { interfaces, staticRoutes, labels, podCidrs: _podCidrs, routerId, ...settings } = node;
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

function viaText(via: StaticRoute["via"]): string {
    switch (via.kind) {
        case "address":
            return via.address;
        case "interface":
            return via.interface;
        case "blackhole":
            return "blackhole";
    }
}

/** Facts of which several may have one field. */
function gathered(entries: readonly (readonly [field: string, texts: readonly string[]])[]): Facts {
    const all = new Map<string, readonly string[]>();
    for (const [field, texts] of entries) {
        all.set(field, [...(all.get(field) ?? []), ...texts]);
    }
    return all;
}
