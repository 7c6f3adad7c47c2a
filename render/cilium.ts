import { contains, familyOf, formatAddress, hostPrefix, isRange, networkOf, parseRange } from "../lab/address";
import type {
    AddressRange,
    Cilium,
    CiliumBgpInstance,
    CiliumNeighbor,
    Interface,
    Lab,
    LoadBalancerPool,
    PodNeighbor,
    Prefix,
} from "../lab/model";
import { nodePort, podRouters } from "../lab/pods";
import { type BgpApi, type CiliumTraits, ciliumTraits } from "./cilium-versions";
import { type HelmValues, mergeValues } from "./helm";
import type {
    CiliumBGPAdvertisement,
    CiliumBGPClusterConfig,
    CiliumBGPPeerConfig,
    CiliumBGPPeeringPolicy,
    CiliumBGPVirtualRouter,
    CiliumGracefulRestart,
    CiliumLoadBalancerIPPool,
    CiliumPoolBlock,
    CiliumTimers,
    KubernetesObject,
} from "./kubernetes";
import { ciliumMetalLbConfigMap } from "./metallb";
import { podNeighborsAnnotationOf } from "./pod-neighbors";

export type { HelmValues };

/** Choices that the version of Cilium leaves open. */
export interface CiliumOptions {
    /** API for BGP. @default the newest that the version serves */
    readonly bgpApi?: BgpApi;
}

/** Choices of the installation that the model leaves open. */
export interface CiliumInstallation {
    /** Images, as full references. @default those that the chart names */
    readonly images?: { readonly cilium?: string; readonly operator?: string };
    /** Whether Cilium does kube-proxy's work. @default false */
    readonly kubeProxyReplacement?: boolean;
    /** Values that go over those of the lab, mapping by mapping. @default {} */
    readonly values?: HelmValues;
}

/** Values of Cilium's Helm chart, as far as the lab sets them; all releases from 1.14 on take them. */
interface CiliumValues {
    readonly ipv4: { readonly enabled: boolean };
    readonly ipv6: { readonly enabled: boolean };
    readonly ipam: { readonly mode: "kubernetes" };
    readonly k8s: { readonly requireIPv4PodCIDR: boolean; readonly requireIPv6PodCIDR: boolean };
    readonly bgpControlPlane: { readonly enabled: boolean };
    readonly bgp?: {
        readonly enabled: true;
        readonly announce: { readonly loadbalancerIP: boolean; readonly podCIDR: boolean };
    };
    readonly routingMode?: Cilium["routingMode"];
    readonly tunnel?: "vxlan" | "disabled";
    readonly ipv4NativeRoutingCIDR?: Prefix;
    readonly ipv6NativeRoutingCIDR?: Prefix;
    readonly kubeProxyReplacement: boolean | "disabled" | "strict";
    readonly k8sServiceHost?: string;
    readonly k8sServicePort?: number;
    readonly devices?: readonly string[];
    readonly daemon?: { readonly enableSourceIPVerification: false };
    readonly endpointRoutes?: { readonly enabled: true };
    readonly nodePort?: { readonly directRoutingDevice: string };
    readonly image?: { readonly override: string };
    readonly rollOutCiliumPods: true;
    readonly operator: {
        readonly replicas: number;
        readonly rollOutPods: true;
        readonly image?: { readonly override: string };
    };
    readonly hubble:
        | { readonly enabled: false }
        | {
              readonly enabled: true;
              readonly tls: { readonly enabled: false };
              readonly relay: { readonly enabled: boolean };
              readonly ui: { readonly enabled: boolean };
          };
    readonly envoy: { readonly enabled: false };
    readonly l7Proxy: false;
}

/**
 * Values for the Helm chart of the lab's version of Cilium.
 *
 * @throws Error when the lab has no Cilium
 */
export function ciliumValues(lab: Lab, installation: CiliumInstallation = {}): HelmValues {
    const { podCidrs } = lab.cluster;
    const cilium = ciliumOf(lab);
    const { images = {}, kubeProxyReplacement = false, values = {} } = installation;
    const [ipv4, ipv6] = [podCidrs.some(isIpv4), !podCidrs.every(isIpv4)];
    const own: CiliumValues = {
        ipv4: { enabled: ipv4 },
        ipv6: { enabled: ipv6 },
        // Nodes take their slices from Kubernetes; the chart's own default pool, 10.0.0.0/8, overlaps most labs.
        ipam: { mode: "kubernetes" },
        k8s: { requireIPv4PodCIDR: ipv4, requireIPv6PodCIDR: ipv6 },
        ...bgp(cilium),
        ...routing(cilium),
        kubeProxyReplacement: kubeProxyValue(cilium, kubeProxyReplacement),
        ...(kubeProxyReplacement ? serviceHandling(lab) : {}),
        ...virtualAddresses(lab, cilium),
        ...image(images.cilium),
        // Agents and operator read their configuration when they start: another one has to restart them.
        rollOutCiliumPods: true,
        // A second operator would wait for a second node that may run it.
        operator: { replicas: 1, rollOutPods: true, ...image(images.operator) },
        hubble: hubble(cilium),
        envoy: { enabled: false },
        l7Proxy: false,
    };
    return mergeValues({ ...own }, values);
}

/**
 * A pod that takes connections at other addresses than its own answers from those, which agents would drop. Packets to them
 * reach it by a route of the node's kernel that leads by the pod's own interface: agents make one to each pod when asked.
 */
function virtualAddresses(lab: Lab, { version }: Cilium): Pick<CiliumValues, "daemon" | "endpointRoutes"> {
    const { sourceVerification, sourceInterface } = ciliumTraits(version);
    return podRouters(lab).length === 0
        ? {}
        : {
              ...(sourceVerification ? { daemon: { enableSourceIPVerification: false } } : {}),
              ...(sourceInterface ? { endpointRoutes: { enabled: true } } : {}),
          };
}

/**
 * Who speaks BGP: Cilium's control plane, or the MetalLB that was in Cilium up to 1.16.
 *
 * @throws Error when the version has no MetalLB in it
 */
function bgp({ version, metallbBgp }: Cilium): Pick<CiliumValues, "bgpControlPlane" | "bgp"> {
    if (metallbBgp === undefined) {
        return { bgpControlPlane: { enabled: true } };
    }
    requireMetalLb(version);
    const { announceLoadBalancerIp, announcePodCidr } = metallbBgp;
    return {
        bgpControlPlane: { enabled: false },
        bgp: { enabled: true, announce: { loadbalancerIP: announceLoadBalancerIp, podCIDR: announcePodCidr } },
    };
}

function requireMetalLb(version: string): void {
    if (!ciliumTraits(version).metallb) {
        throw new Error(
            `cluster.cilium.metallbBgp: Cilium ${version} has no MetalLB in it, which was removed in 1.17; use its BGP control plane, or 1.16`,
        );
    }
}

/** Hubble's certificates would be made anew at each rendering; inside the lab its parts need none. */
function hubble({ hubble: wanted }: Cilium): CiliumValues["hubble"] {
    return wanted === undefined
        ? { enabled: false }
        : {
              enabled: true,
              tls: { enabled: false },
              relay: { enabled: wanted.relay },
              ui: { enabled: wanted.ui },
          };
}

/** What kube-proxy did, and Cilium must be told. */
function serviceHandling(lab: Lab): Pick<CiliumValues, "k8sServiceHost" | "k8sServicePort" | "devices" | "nodePort"> {
    const direct = lab.cluster.cilium?.routingMode === "native" ? podInterface(lab) : undefined;
    const names = Object.values(lab.cluster.nodes).flatMap(({ interfaces }) =>
        interfaces.filter((each) => isDevice(lab, each)).map(({ name }) => name),
    );
    return {
        // The agent cannot find the API server by the address of its service, which is its own to provide.
        k8sServiceHost: controlPlane(lab),
        k8sServicePort: apiServerPort,
        // Left alone, the agent serves the interface of the default route only, and clients come by the others.
        devices: [...new Set(names)].sort(),
        // It passes a client on to another node's pod under its address there; that has to be where packets leave.
        ...(direct === undefined ? {} : { nodePort: { directRoutingDevice: direct } }),
    };
}

/** Interfaces to Pods are Cilium's own, and not for clients. */
function isDevice({ segments }: Lab, { attachment }: Interface): boolean {
    return attachment.kind === "segment" && segments[attachment.segment]?.kind !== "pod-link";
}

/** Interface by which nodes reach pods of others, which is called the same on all of them; nothing where no route leads there. */
function podInterface({ cluster: { nodes, podCidrs } }: Lab): string | undefined {
    return Object.values(nodes).flatMap(({ interfaces, staticRoutes }) => {
        const hops = staticRoutes.flatMap(({ prefix, via }) =>
            via.kind === "address" && podCidrs.some((pods) => contains(prefix, pods)) ? [via.address] : [],
        );
        return interfaces.filter(({ addresses }) =>
            addresses.some((own) => hops.some((hop) => contains(networkOf(own), hop))),
        );
    })[0]?.name;
}

/** Port on which kind's control planes serve the API inside Docker. */
const apiServerPort = 6443;

/** Name under which Docker's nodes find the control plane. */
function controlPlane({ cluster: { nodes } }: Lab): string {
    return Object.keys(nodes).find((name) => nodes[name]!.role === "control-plane") ?? "";
}

function image(reference: string | undefined) {
    return reference === undefined ? {} : { image: { override: reference } };
}

function routing({ version, routingMode, nativeRoutingCidrs }: Cilium) {
    const isNative = routingMode === "native";
    const mode =
        ciliumTraits(version).routingValue === "routingMode"
            ? { routingMode }
            : { tunnel: isNative ? ("disabled" as const) : ("vxlan" as const) };
    return { ...mode, ...(isNative ? nativeCidrs(version, nativeRoutingCidrs) : {}) };
}

function kubeProxyValue({ version }: Cilium, isReplaced: boolean): CiliumValues["kubeProxyReplacement"] {
    if (ciliumTraits(version).kubeProxyValue === "boolean") {
        return isReplaced;
    }
    return isReplaced ? "strict" : "disabled";
}

function nativeCidrs(version: string, nativeRoutingCidrs: readonly Prefix[]) {
    const ipv4 = nativeRoutingCidrs.find(isIpv4);
    const ipv6 = nativeRoutingCidrs.find((cidr) => !isIpv4(cidr));
    return {
        ...(ipv4 === undefined ? {} : { [ciliumTraits(version).nativeValue]: ipv4 }),
        ...(ipv6 === undefined ? {} : { ipv6NativeRoutingCIDR: ipv6 }),
    };
}

function isIpv4(prefix: Prefix): boolean {
    return familyOf(prefix) === "ipv4";
}

/** Label by which peer configurations find the advertisements that they carry. */
const advertisementLabel = "advertise";

/**
 * The custom resources that make Cilium announce what the lab says: address pools and BGP, in the API of the lab's
 * version of Cilium; or the ConfigMap of the MetalLB in it.
 *
 * @throws Error when the lab has no Cilium, or its version does not have what the lab or `options` ask for
 */
export function ciliumResources(lab: Lab, options: CiliumOptions = {}): readonly KubernetesObject[] {
    const { loadBalancerPools, metallb } = lab.cluster;
    const cilium = ciliumOf(lab);
    const traits = ciliumTraits(cilium.version);
    const assigned = metallb === undefined ? loadBalancerPools : [];
    if (cilium.metallbBgp !== undefined) {
        requireMetalLb(cilium.version);
        return [ciliumMetalLbConfigMap(cilium.metallbBgp, assigned, cilium.version)];
    }
    return [...assigned.map((each) => pool(each, cilium, traits)), ...bgpResources(lab, cilium, options)];
}

function ciliumOf({ name, cluster: { cilium } }: Lab): Cilium {
    if (cilium === undefined) {
        throw new Error(`cluster.cilium: the lab ${name} has no Cilium`);
    }
    return cilium;
}

function bgpResources(lab: Lab, cilium: Cilium, options: CiliumOptions): readonly KubernetesObject[] {
    const traits = ciliumTraits(cilium.version);
    const api = options.bgpApi ?? traits.bgpApis[0];
    if (api === undefined) {
        throw new Error(`Cilium ${cilium.version} has no BGP control plane; use 1.13.0 or newer`);
    }
    if (!traits.bgpApis.includes(api)) {
        throw new Error(`Cilium ${cilium.version} has no ${api} API; it has ${traits.bgpApis.join(" and ")}`);
    }
    return api === "peering-policy"
        ? cilium.bgp.map((instance) => peeringPolicy(lab, instance, traits))
        : clusterConfigs(lab, cilium.bgp);
}

function pool(
    { name, blocks, serviceSelector }: LoadBalancerPool,
    { version }: Cilium,
    traits: CiliumTraits,
): CiliumLoadBalancerIPPool {
    const selector = serviceSelector === undefined ? {} : { serviceSelector };
    return {
        apiVersion: traits.poolApiVersion,
        kind: "CiliumLoadBalancerIPPool",
        metadata: { name },
        spec:
            traits.poolField === "cidrs"
                ? { cidrs: blocks.map((block) => ({ cidr: prefixOnly(block, version) })), ...selector }
                : // Said in full because the default was No up to Cilium 1.15 and is Yes from 1.16.
                  { blocks: blocks.map(poolBlock), allowFirstLastIPs: "Yes", ...selector },
    };
}

function prefixOnly(block: Prefix | AddressRange, version: string): Prefix {
    if (isRange(block)) {
        throw new Error(
            `cluster.loadBalancerPools: Cilium ${version} has pools of prefixes only, and ${block} is a range; use prefixes, or 1.15 or newer`,
        );
    }
    return block;
}

function poolBlock(block: Prefix | AddressRange): CiliumPoolBlock {
    if (!isRange(block)) {
        return { cidr: block };
    }
    const { family, first, last } = parseRange(block);
    return { start: formatAddress(family, first), stop: formatAddress(family, last) };
}

function peeringPolicy(lab: Lab, instance: CiliumBgpInstance, traits: CiliumTraits): CiliumBGPPeeringPolicy {
    const { name, nodeSelector, localAsn, exportPodCidr, serviceSelector, neighbors } = instance;
    const byLabel = podNeighborsAnnotationOf(lab, instance, (each) => ({
        ...timers(each),
        eBGPMultihopTTL: each.ebgpMultihop,
    }));
    const router: CiliumBGPVirtualRouter = {
        localASN: localAsn,
        exportPodCIDR: exportPodCidr,
        ...(serviceSelector === undefined ? {} : { serviceSelector }),
        neighbors: neighbors.map((neighbor) => ({
            peerAddress: hostPrefix(neighbor.address),
            peerASN: neighbor.remoteAsn,
            ...(traits.policyTimers ? { ...timers(neighbor), gracefulRestart: gracefulRestart(neighbor) } : {}),
            ...(traits.policyFamilies ? { families: families(neighbor) } : {}),
        })),
    };
    return {
        apiVersion: "cilium.io/v2alpha1",
        kind: "CiliumBGPPeeringPolicy",
        metadata: { name, ...byLabel },
        spec: { nodeSelector, virtualRouters: [router] },
    };
}

function timers({ timers: { connectRetry, holdTime, keepalive } }: Pick<CiliumNeighbor, "timers">): CiliumTimers {
    return { connectRetryTimeSeconds: connectRetry, holdTimeSeconds: holdTime, keepAliveTimeSeconds: keepalive };
}

function gracefulRestart({ gracefulRestartTime }: Pick<CiliumNeighbor, "gracefulRestartTime">): CiliumGracefulRestart {
    return gracefulRestartTime === undefined
        ? { enabled: false }
        : { enabled: true, restartTimeSeconds: gracefulRestartTime };
}

function families(neighbor: Pick<CiliumNeighbor, "families">) {
    return neighbor.families.map((afi) => ({ afi, safi: "unicast" as const }));
}

/** Advertisements and peer configurations that are equal are shared: a lab of 200 nodes has a handful of them. */
function clusterConfigs(lab: Lab, instances: readonly CiliumBgpInstance[]): readonly KubernetesObject[] {
    const advertisements = shared<CiliumBGPAdvertisement>();
    const peerConfigs = shared<CiliumBGPPeerConfig>();
    const configs = instances.map((instance) => clusterConfig(lab, instance, advertisements, peerConfigs));
    return [...advertisements.all(), ...peerConfigs.all(), ...configs];
}

function clusterConfig(
    lab: Lab,
    instance: CiliumBgpInstance,
    advertisements: Shared<CiliumBGPAdvertisement>,
    peerConfigs: Shared<CiliumBGPPeerConfig>,
): CiliumBGPClusterConfig {
    const announced = advertisement(instance, advertisements);
    const peers = instance.neighbors.map((neighbor) => ({
        name: `peer-${neighbor.address.replace(/[.:]/g, "-")}`,
        peerAddress: neighbor.address,
        peerASN: neighbor.remoteAsn,
        peerConfigRef: { name: peerConfig(neighbor, announced, peerConfigs) },
    }));
    const byLabel = podNeighborsAnnotationOf(lab, instance, (each) => ({
        peerConfigRef: { name: podPeerConfig(ciliumOf(lab), each, announced, peerConfigs) },
    }));
    return {
        apiVersion: "cilium.io/v2",
        kind: "CiliumBGPClusterConfig",
        metadata: { name: instance.name, ...byLabel },
        spec: {
            nodeSelector: instance.nodeSelector,
            bgpInstances: [{ name: instance.name, localASN: instance.localAsn, peers }],
        },
    };
}

/** Name of the advertisement that an instance carries; nothing when it announces nothing. */
function advertisement(
    { exportPodCidr, serviceSelector }: CiliumBgpInstance,
    known: Shared<CiliumBGPAdvertisement>,
): string | undefined {
    const advertisements: CiliumBGPAdvertisement["spec"]["advertisements"] = [
        ...(exportPodCidr ? [{ advertisementType: "PodCIDR" as const }] : []),
        ...(serviceSelector === undefined
            ? []
            : [
                  {
                      advertisementType: "Service" as const,
                      service: { addresses: ["LoadBalancerIP"] as const },
                      selector: serviceSelector,
                  },
              ]),
    ];
    if (advertisements.length === 0) {
        return undefined;
    }
    const name = [exportPodCidr ? "pod-cidrs" : "", serviceSelector === undefined ? "" : "services"];
    return known.nameOf(name.filter(Boolean).join("-and-"), { advertisements }, (unique, spec) => ({
        apiVersion: "cilium.io/v2",
        kind: "CiliumBGPAdvertisement",
        metadata: { name: unique, labels: { [advertisementLabel]: unique } },
        spec,
    }));
}

function peerConfig(
    neighbor: CiliumNeighbor,
    announced: string | undefined,
    known: Shared<CiliumBGPPeerConfig>,
): string {
    return namedPeerConfig(neighbor.families.join("-"), peerConfigSpec(neighbor, announced), known);
}

function podPeerConfig(
    { version }: Cilium,
    neighbor: PodNeighbor,
    announced: string | undefined,
    known: Shared<CiliumBGPPeerConfig>,
): string {
    const { ebgpMultihop } = neighbor;
    // By routes of their own to pods, agents would call them from any of the node's addresses.
    const own = ciliumTraits(version).sourceInterface ? { transport: { sourceInterface: nodePort } } : {};
    return namedPeerConfig(neighbor.name, { ...peerConfigSpec(neighbor, announced), ebgpMultihop, ...own }, known);
}

function peerConfigSpec(
    neighbor: Pick<CiliumNeighbor, "timers" | "families" | "gracefulRestartTime">,
    announced: string | undefined,
): CiliumBGPPeerConfig["spec"] {
    const advertisements =
        announced === undefined ? {} : { advertisements: { matchLabels: { [advertisementLabel]: announced } } };
    return {
        timers: timers(neighbor),
        gracefulRestart: gracefulRestart(neighbor),
        families: families(neighbor).map((family) => ({ ...family, ...advertisements })),
    };
}

function namedPeerConfig(base: string, spec: CiliumBGPPeerConfig["spec"], known: Shared<CiliumBGPPeerConfig>): string {
    return known.nameOf(base, spec, (name, unique) => ({
        apiVersion: "cilium.io/v2",
        kind: "CiliumBGPPeerConfig",
        metadata: { name },
        spec: unique,
    }));
}

/** Objects that are made once for each different content. */
interface Shared<T extends { readonly spec: unknown }> {
    /** The name of the object with this content: `base`, or `base-2` and so on when others have taken it. */
    nameOf(base: string, spec: T["spec"], make: (name: string, spec: T["spec"]) => T): string;
    all(): readonly T[];
}

function shared<T extends { readonly spec: unknown }>(): Shared<T> {
    const names = new Map<string, string>();
    const objects = new Map<string, T>();
    return {
        nameOf(base, spec, make) {
            const content = JSON.stringify(spec);
            const known = names.get(content);
            if (known !== undefined) {
                return known;
            }
            const name = freeName(base, objects);
            names.set(content, name);
            objects.set(name, make(name, spec));
            return name;
        },
        all: () => [...objects.values()],
    };
}

function freeName(base: string, taken: ReadonlyMap<string, unknown>): string {
    let name = base;
    for (let number = 2; taken.has(name); number += 1) {
        name = `${base}-${number}`;
    }
    return name;
}
