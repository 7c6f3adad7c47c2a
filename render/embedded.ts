/** The inputs of the embedded runtime's resources: what a lab is, in namespaces, links and daemons. */

import { addressOf, hostPrefix } from "../lab/address";
import { namedDevices } from "../lab/devices";
import { routingInstances } from "../lab/instances";
import type { Device, Interface, KubernetesNode, Lab, Router, Service, StaticRoute } from "../lab/model";
import { podsOf } from "../lab/services";
import { nodeSpeakers, type SpeakerProgram } from "../lab/speakers";
import type {
    BridgeSpec,
    ControlledRouter,
    ControlledSpeaker,
    ControllerInputs,
    EndSpec,
    FabricInputs,
    GobgpConfig,
    LinkSpec,
    NamespaceSpec,
    NodeInputs,
    RouterInputs,
    RouteSpec,
    ServiceSpec,
    SpeakerSpec,
} from "../provider/schema";
import { birdConf } from "./bird";
import { calicoResources } from "./calico";
import { calicoBird } from "./calico-speaker";
import { ciliumResources, ciliumValues } from "./cilium";
import { frrConf } from "./frr";
import { gobgpConfig } from "./gobgp";
import type { KubernetesObject } from "./kubernetes";
import { metallbInstallation, metallbResources } from "./metallb";
import { ciliumMetalLbGobgp, layer2Owners, metallbFrr } from "./metallb-speaker";
import { podSpecs } from "./pod-specs";
import { leakAddress, leakInterface, leakingVrfs, vrfNamespace } from "./vrf-namespaces";
import { workloadResources } from "./workload";

/** Daemon that stands in for Cilium's speaker: GoBGP, the library in Cilium, or BIRD, which is smaller. */
export type SpeakerKind = Exclude<SpeakerSpec["kind"], "frr">;

/**
 * All namespaces, links, addresses and kernel routes of a lab. Those of routers in Pods, and the nodes' side of them, come
 * and go with the Pods of a node: they are in `nodeSpec`.
 */
export function fabricSpec(lab: Lab): Omit<FabricInputs, "sandbox"> {
    const ends = endsBySegment(lab);
    const segments = Object.entries(lab.segments).map(([name, segment]) => ({
        name,
        ...segment,
        ends: ends.get(name) ?? [],
    }));
    const links = segments
        .filter(({ kind }) => kind === "point-to-point")
        .map(({ name, ends, mtu }) => [name, link(name, ends, mtu)] as const);
    const bridges = segments
        .filter(({ kind }) => kind === "bridge")
        .map(({ name, ends: ports, mtu }): readonly [string, BridgeSpec] => [name, { ports, mtu }]);
    return {
        namespaces: namespaces(lab),
        links: Object.fromEntries(links),
        bridges: Object.fromEntries([...bridges, ...leakBridges(lab)]),
    };
}

/** A link for each router whose VRFs leak, between the VRFs that do. */
function leakBridges({ routers, segments }: Lab): readonly (readonly [string, BridgeSpec])[] {
    return Object.entries(routers).flatMap(([name, router]) => {
        const ports = leakingVrfs(router).map((vrf) => ({
            namespace: vrfNamespace(name, vrf.name),
            interface: leakInterface,
        }));
        const attached = Object.values(segments);
        const mtu = Math.max(...attached.map((segment) => segment.mtu), 1500);
        return ports.length === 0 ? [] : [[`${name}.vrfs`, { ports, mtu }] as const];
    });
}

/**
 * FRR of a router.
 *
 * @throws Error if the lab has no such router
 */
export function routerSpec(lab: Lab, name: string): Omit<RouterInputs, "sandbox"> {
    const vrfs = lab.routers[name]?.vrfs?.map((vrf) => vrf.name) ?? [];
    return {
        namespace: name,
        config: frrConf(lab, name, "namespaces"),
        ...(vrfs.length === 0 ? {} : { vrfs }),
    };
}

/**
 * What the peering controller is told of a lab; nothing where no neighbor is chosen by label.
 *
 * @param nodes the nodes' inputs, from `nodeSpec`
 */
export function controllerSpec(
    lab: Lab,
    nodes: Readonly<Record<string, Pick<NodeInputs, "speakers">>>,
): Omit<ControllerInputs, "sandbox"> | undefined {
    const speakers = Object.entries(nodes).flatMap(([name, node]) =>
        Object.values(node.speakers).flatMap((each) => controlledSpeaker(each).map((told) => [name, told] as const)),
    );
    const names = Object.keys(nodes);
    const routers = Object.entries(lab.routers).flatMap(([name, router]) =>
        controlledRouter(router, names).map((told) => [name, told] as const),
    );
    if (speakers.length === 0 && routers.length === 0) {
        return undefined;
    }
    return {
        speakers: Object.fromEntries(speakers),
        ...(routers.length === 0 ? {} : { routers: Object.fromEntries(routers) }),
    };
}

function controlledSpeaker(speaker: SpeakerSpec): readonly ControlledSpeaker[] {
    if (speaker.kind !== "gobgp" || speaker.config.podNeighbors === undefined) {
        return [];
    }
    const { asn, transit = false, podNeighbors } = speaker.config;
    return [{ asn, transit, podNeighbors }];
}

function controlledRouter({ bgp }: Router, nodes: readonly string[]): readonly ControlledRouter[] {
    const podNeighbors = (bgp.podNeighbors ?? []).map(({ name, namespace: own, selector, families }) => ({
        name,
        namespace: own,
        selector,
        families,
    }));
    return podNeighbors.length === 0 ? [] : [{ podNeighbors, nodes }];
}

/**
 * Speakers, pods and services of a Kubernetes node.
 *
 * @throws Error if the lab has no such node, or its custom resources contradict each other
 */
export function nodeSpec(lab: Lab, name: string, speaker: SpeakerKind = "gobgp"): Omit<NodeInputs, "sandbox"> {
    return {
        namespace: name,
        speakers: speakers(lab, name, speaker),
        pods: podSpecs(lab, name),
        services: Object.fromEntries(
            lab.cluster.services.map((service) => [
                `${service.namespace}/${service.name}`,
                serviceSpec(lab, service, name),
            ]),
        ),
    };
}

function endsBySegment(lab: Lab): ReadonlyMap<string, readonly EndSpec[]> {
    const ends = new Map<string, EndSpec[]>();
    for (const [device, { interfaces }] of namedDevices(lab)) {
        for (const { name, attachment, vrf } of interfaces) {
            if (attachment.kind === "segment") {
                const known = ends.get(attachment.segment) ?? [];
                known.push({ namespace: vrfNamespace(device, vrf), interface: name });
                ends.set(attachment.segment, known);
            }
        }
    }
    return ends;
}

function link(name: string, ends: readonly EndSpec[], mtu: number): LinkSpec {
    const [a, b] = ends;
    if (a === undefined || b === undefined || ends.length > 2) {
        const attached = ends.map(({ namespace, interface: port }) => `${namespace}:${port}`).join(", ");
        throw new Error(
            `segments.${name}: a point-to-point segment joins two interfaces, but ${ends.length} are attached (${attached})`,
        );
    }
    return { a, b, mtu };
}

function namespaces(lab: Lab): Record<string, NamespaceSpec> {
    const { nodes, nodeSegment, cilium } = lab.cluster;
    const routers = Object.entries(lab.routers).flatMap(([name, router]) =>
        router.pod === undefined ? routerNamespaces(name, router) : [],
    );
    const hosts = Object.entries(lab.hosts).map(([name, host]) => [name, namespace(host, false)] as const);
    const answering = layer2Addresses(lab);
    const kubernetesNodes = Object.entries(nodes).map(([name, whole]) => {
        const node = withoutPodLinks(lab, whole);
        const overlay = cilium?.routingMode === "tunnel" ? portsOn(node, nodeSegment) : [];
        const spec = withLoopback(namespace(node, true), answering.get(name) ?? []);
        return [name, { ...spec, routes: { ...spec.routes, ...ownSlice(node) }, proxyNeighbors: overlay }] as const;
    });
    return Object.fromEntries([...routers, ...hosts, ...kubernetesNodes]);
}

/** A node as it is while no router runs in a Pod of its. */
function withoutPodLinks({ segments }: Lab, node: KubernetesNode): KubernetesNode {
    const isPodLink = ({ attachment }: Interface) =>
        attachment.kind === "segment" && segments[attachment.segment]?.kind === "pod-link";
    const links = new Set(node.interfaces.filter(isPodLink).map(({ name }) => name));
    return {
        ...node,
        interfaces: node.interfaces.filter(({ name }) => !links.has(name)),
        staticRoutes: node.staticRoutes.filter(({ via }) => via.kind !== "interface" || !links.has(via.interface)),
    };
}

/** A namespace for each VRF. A router's static routes are FRR's, which puts them into the kernel itself. */
function routerNamespaces(name: string, router: Router): readonly (readonly [string, NamespaceSpec])[] {
    const leaking = new Map(leakingVrfs(router).map((vrf) => [vrf.name, [leakAddress(router, vrf)]]));
    return routingInstances(router).map(({ vrf, interfaces }) => {
        const spec = namespace({ interfaces, staticRoutes: [] }, true);
        const leak = leaking.get(vrf ?? "");
        const isOwn = (port: string) => interfaces.some((each) => each.name === port);
        const nat = router.sourceNat?.filter((each) => isOwn(each.interface)) ?? [];
        return [
            vrfNamespace(name, vrf),
            {
                ...spec,
                addresses: leak === undefined ? spec.addresses : { ...spec.addresses, [leakInterface]: leak },
                ...(nat.length === 0 ? {} : { sourceNat: nat }),
            },
        ];
    });
}

/** Addresses that MetalLB announces on layer 2, by the node that answers for them. */
function layer2Addresses(lab: Lab): ReadonlyMap<string, readonly string[]> {
    const installation = metallbInstallation(lab);
    const owners = installation === undefined ? [] : layer2Owners(clusterObjects(lab), installation, lab.cluster.nodes);
    const byNode = new Map<string, readonly string[]>();
    for (const { node, address } of owners) {
        byNode.set(node, [...(byNode.get(node) ?? []), hostPrefix(address)]);
    }
    return byNode;
}

/** The kernel answers ARP for every address of a device, whichever interface has it. */
function withLoopback(spec: NamespaceSpec, addresses: readonly string[]): NamespaceSpec {
    const { lo = [], ...others } = spec.addresses;
    return addresses.length === 0 ? spec : { ...spec, addresses: { ...others, lo: [...lo, ...addresses] } };
}

/** Where no pod is, a node's slice of the pod CIDRs ends at the node: sent on to the router, packets would circle. */
function ownSlice({ podCidrs }: KubernetesNode): Record<string, RouteSpec> {
    return Object.fromEntries(podCidrs.map((prefix) => [prefix, { blackhole: true }]));
}

function namespace({ interfaces, staticRoutes }: Device, forwarding: boolean): NamespaceSpec {
    return {
        forwarding,
        addresses: addresses(interfaces),
        routes: Object.fromEntries(staticRoutes.map((route) => [route.prefix, kernelRoute(route)])),
        proxyNeighbors: [],
    };
}

function addresses(interfaces: readonly Interface[]): Record<string, readonly string[]> {
    const byName: Record<string, readonly string[]> = {};
    for (const { name, attachment, addresses: own } of interfaces) {
        const port = attachment.kind === "loopback" ? "lo" : name;
        byName[port] = [...(byName[port] ?? []), ...own];
    }
    return byName;
}

function kernelRoute({ via }: StaticRoute): RouteSpec {
    switch (via.kind) {
        case "address":
            return { via: via.address };
        case "interface":
            return { dev: via.interface };
        case "blackhole":
            return { blackhole: true };
    }
}

/** In tunnel mode a node answers on the node network for the pods behind it: the stand-in for the overlay. */
function portsOn(device: Device, segment: string): readonly string[] {
    return device.interfaces
        .filter(({ attachment }) => attachment.kind === "segment" && attachment.segment === segment)
        .map(({ name }) => name);
}

/** One speaker for each program that the model has speaking on the node. */
function speakers(lab: Lab, name: string, kind: SpeakerKind): Record<string, SpeakerSpec> {
    if (lab.cluster.nodes[name] === undefined) {
        throw new Error(`the lab ${lab.name} has no Kubernetes node ${name}`);
    }
    const programs = nodeSpeakers(lab, name).map(({ program }) => program);
    return Object.fromEntries(programs.map((program) => [program, speaker(lab, name, program, kind)]));
}

function speaker(lab: Lab, name: string, program: SpeakerProgram, kind: SpeakerKind): SpeakerSpec {
    const spec = speakerFromResources(lab, name, program, kind);
    if (spec === undefined) {
        throw new Error(
            `cluster.nodes.${name}: no custom resource of the lab configures the speaker of ${program} there`,
        );
    }
    return spec;
}

function speakerFromResources(
    lab: Lab,
    name: string,
    program: SpeakerProgram,
    kind: SpeakerKind,
): SpeakerSpec | undefined {
    const objects = clusterObjects(lab);
    const { [name]: node, ...others } = lab.cluster.nodes;
    switch (program) {
        case "cilium":
            return standIn(gobgpConfig(objects, node!) ?? ciliumMetalLbGobgp(objects, ciliumValues(lab), node!), kind);
        case "calico":
            return configured("bird", calicoBird(objects, node!, Object.values(others)));
        case "metallb":
            return configured("frr", metallbFrr(objects, metallbInstallation(lab)!, node!));
    }
}

function standIn(config: GobgpConfig | undefined, kind: SpeakerKind): SpeakerSpec | undefined {
    if (config === undefined) {
        return undefined;
    }
    return kind === "gobgp" ? { kind, config } : { kind, config: birdConf(config) };
}

function configured(kind: "bird" | "frr", config: string | undefined): SpeakerSpec | undefined {
    return config === undefined ? undefined : { kind, config };
}

/** What a cluster would be given; kept with the lab, because every node is configured from it. */
const objectsByLab = new WeakMap<Lab, readonly KubernetesObject[]>();

function clusterObjects(lab: Lab): readonly KubernetesObject[] {
    const { cilium, calico, metallb } = lab.cluster;
    const objects = objectsByLab.get(lab) ?? [
        ...(cilium === undefined ? [] : ciliumResources(lab)),
        ...(calico === undefined ? [] : calicoResources(lab)),
        ...(metallb === undefined ? [] : metallbResources(lab)),
        ...workloadResources(lab),
    ];
    objectsByLab.set(lab, objects);
    return objects;
}

/**
 * Addresses under which the other nodes know a node. Traffic for their pods takes them as its source, so that answers
 * come back over the node network; the address on the link to the router would be one that other nodes have no route to.
 */
function internalAddresses({ cluster }: Lab, node: string): readonly string[] {
    const { interfaces = [], nodeIp } = cluster.nodes[node] ?? {};
    const onNodeNetwork = interfaces
        .filter(({ attachment }) => attachment.kind === "segment" && attachment.segment === cluster.nodeSegment)
        .flatMap(({ addresses }) => addresses.map(addressOf));
    return nodeIp ?? onNodeNetwork;
}

function serviceSpec(lab: Lab, service: Service, node: string): ServiceSpec {
    const local = service.externalTrafficPolicy === "Local";
    const backends = podsOf(lab, service).filter((pod) => !local || pod.node === node);
    return {
        addresses: service.loadBalancerAddresses,
        port: service.port,
        endpoints: backends.flatMap((pod) => pod.addresses),
        targetPort: service.targetPort,
        masquerade: !local,
        ...(local ? {} : { hideBehind: internalAddresses(lab, node) }),
    };
}
