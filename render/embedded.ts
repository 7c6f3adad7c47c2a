/** The inputs of the embedded runtime's resources: what a lab is, in namespaces, links and daemons. */

import { addressOf } from "../lab/address";
import { namedDevices } from "../lab/devices";
import type { Device, Interface, KubernetesNode, Lab, Service, StaticRoute } from "../lab/model";
import { podsOf } from "../lab/services";
import type {
    BridgeSpec,
    EndSpec,
    FabricInputs,
    GobgpConfig,
    LinkSpec,
    NamespaceSpec,
    NodeInputs,
    PodSpec,
    RouterInputs,
    RouteSpec,
    ServiceSpec,
    SpeakerSpec,
} from "../provider/schema";
import { birdConf } from "./bird";
import { ciliumResources } from "./cilium";
import { frrConf } from "./frr";
import { gobgpConfig } from "./gobgp";
import type { KubernetesObject } from "./kubernetes";
import { workloadResources } from "./workload";

/** Daemon that stands in for Cilium's speaker: GoBGP, the library in Cilium, or BIRD, which is smaller. */
export type SpeakerKind = Exclude<SpeakerSpec["kind"], "frr">;

/** All namespaces, links, addresses and kernel routes of a lab. */
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
        bridges: Object.fromEntries(bridges),
    };
}

/**
 * FRR of a router.
 *
 * @throws Error if the lab has no such router
 */
export function routerSpec(lab: Lab, name: string): Omit<RouterInputs, "sandbox"> {
    return { namespace: name, config: frrConf(lab, name) };
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
        pods: pods(lab, name),
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
    for (const [namespace, { interfaces }] of namedDevices(lab)) {
        for (const { name, attachment } of interfaces) {
            if (attachment.kind === "segment") {
                const known = ends.get(attachment.segment) ?? [];
                known.push({ namespace, interface: name });
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
    // A router's static routes are FRR's, which puts them into the kernel itself.
    const routers = Object.entries(lab.routers).map(
        ([name, router]) => [name, { ...namespace(router, true), routes: {} }] as const,
    );
    const hosts = Object.entries(lab.hosts).map(([name, host]) => [name, namespace(host, false)] as const);
    const kubernetesNodes = Object.entries(nodes).map(([name, node]) => {
        const overlay = cilium?.routingMode === "tunnel" ? portsOn(node, nodeSegment) : [];
        const spec = namespace(node, true);
        return [name, { ...spec, routes: { ...spec.routes, ...ownSlice(node) }, proxyNeighbors: overlay }] as const;
    });
    return Object.fromEntries([...routers, ...hosts, ...kubernetesNodes]);
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

function speakers(lab: Lab, name: string, kind: SpeakerKind): Record<string, SpeakerSpec> {
    const node = lab.cluster.nodes[name];
    if (node === undefined) {
        throw new Error(`the lab ${lab.name} has no Kubernetes node ${name}`);
    }
    const config = gobgpConfig(clusterObjects(lab), node);
    return config === undefined ? {} : { cilium: standIn(config, kind) };
}

function standIn(config: GobgpConfig, kind: SpeakerKind): SpeakerSpec {
    return kind === "gobgp" ? { kind, config } : { kind, config: birdConf(config) };
}

/** What a cluster would be given; kept with the lab, because every node is configured from it. */
const objectsByLab = new WeakMap<Lab, readonly KubernetesObject[]>();

function clusterObjects(lab: Lab): readonly KubernetesObject[] {
    const objects = objectsByLab.get(lab) ?? [...ciliumResources(lab), ...workloadResources(lab)];
    objectsByLab.set(lab, objects);
    return objects;
}

function pods(lab: Lab, node: string): Record<string, PodSpec> {
    const own = lab.cluster.workloads.flatMap(({ pods: all, port }) =>
        all
            .filter((pod) => pod.node === node)
            .map((pod): readonly [string, PodSpec] => [pod.name, { addresses: pod.addresses, port }]),
    );
    return Object.fromEntries(own);
}

/**
 * Addresses under which the other nodes know a node. Traffic for their pods takes them as its source, so that answers
 * come back over the node network; the address on the link to the router would be one that other nodes have no route to.
 */
function internalAddresses({ cluster }: Lab, node: string): readonly string[] {
    const interfaces = cluster.nodes[node]?.interfaces ?? [];
    return interfaces
        .filter(({ attachment }) => attachment.kind === "segment" && attachment.segment === cluster.nodeSegment)
        .flatMap(({ addresses }) => addresses.map(addressOf));
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
