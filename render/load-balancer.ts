/**
 * Load-balancer addresses as a cluster assigns and serves them, read from the objects that it would be given: by Cilium's
 * LB-IPAM, by MetalLB, or by the MetalLB in Cilium, each of which looks at its own pools only.
 */

import { parse } from "yaml";
import { contains, parseAddress, rangeOf } from "../lab/address";
import type { Address, Interface, Labels, Prefix } from "../lab/model";
import { selects } from "../lab/selectors";
import type {
    CiliumLoadBalancerIPPool,
    CiliumPoolBlock,
    DaemonSet,
    Deployment,
    IPAddressPool,
    KubernetesObject,
    Service,
} from "./kubernetes";
import { ciliumConfigMap, type MetalLbFile, metallbConfigMap, metallbNamespace } from "./metallb";
import { ofKind } from "./objects";

/** What a cluster knows of a node. */
export interface NodeFacts {
    readonly labels: Labels;
    /** The node's slices of the pod CIDRs. */
    readonly podCidrs: readonly Prefix[];
    /** The node's internal IPv4 address, which is the BGP identifier of its speakers. */
    readonly routerId: Address;
    /** Its interfaces, Cilium's own among them, whose addresses the CiliumNode has as CiliumInternalIP. */
    readonly interfaces: readonly Pick<Interface, "name" | "addresses">[];
}

/** A pool of addresses, whoever assigns from it. */
export interface AddressPool {
    readonly name: string;
    /** Annotations by which a service asks this pool's owner for addresses; in its specification it can ask anyone. */
    readonly annotations: readonly string[];
    gives(address: Address, service: Service): boolean;
}

/** Cilium knows the older annotation under both names. */
const ciliumAnnotations = ["lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips"];
const metallbAnnotations = ["metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"];

/** The pools of a cluster. */
export function addressPools(objects: readonly KubernetesObject[]): readonly AddressPool[] {
    return [
        ...ofKind(objects, "CiliumLoadBalancerIPPool").map(ciliumPool),
        ...ofKind(objects, "IPAddressPool").map(metallbPool),
        ...filePools(metallbFile(objects), metallbAnnotations),
        ...filePools(ciliumMetalLbFile(objects), []),
    ];
}

/** The addresses that a service gets: those it asks for, as far as a pool that serves it holds them. */
export function assignedAddresses(service: Service, pools: readonly AddressPool[]): readonly Address[] {
    const wanted = wantedAddresses(service, [...ciliumAnnotations, ...metallbAnnotations]);
    return wanted.filter((address) => poolsGiving(address, service, pools).length > 0);
}

/** The pools that give a service an address. */
export function poolsGiving(address: Address, service: Service, pools: readonly AddressPool[]): readonly AddressPool[] {
    return pools.filter(
        (pool) => wantedAddresses(service, pool.annotations).includes(address) && pool.gives(address, service),
    );
}

function wantedAddresses({ metadata, spec }: Service, annotations: readonly string[]): readonly Address[] {
    const wanted = annotations.map((key) => metadata.annotations?.[key]).find((value) => value !== undefined);
    return (wanted ?? spec.loadBalancerIP ?? "")
        .split(",")
        .map((address) => address.trim())
        .filter((address) => address !== "");
}

function ciliumPool({ metadata, spec }: CiliumLoadBalancerIPPool): AddressPool {
    const { serviceSelector = {} } = spec;
    const edges = "blocks" in spec;
    const blocks = "cidrs" in spec ? spec.cidrs.map(({ cidr }) => cidr) : spec.blocks.map(blockText);
    return {
        name: metadata.name,
        annotations: ciliumAnnotations,
        gives: (address, service) =>
            selects(serviceSelector, labelsOf(service)) &&
            blocks.some((block) => contains(block, address) && (edges || !isEdge(block, address))),
    };
}

function blockText(block: CiliumPoolBlock): string {
    return "cidr" in block ? block.cidr : `${block.start}-${block.stop}`;
}

/** Whether an address is the first or last of a prefix. */
function isEdge(cidr: Prefix, address: Address): boolean {
    const { first, last } = rangeOf(cidr);
    const { value } = parseAddress(address);
    return value === first || value === last;
}

function metallbPool({ metadata, spec: { addresses, serviceAllocation } }: IPAddressPool): AddressPool {
    const selectors = serviceAllocation?.serviceSelectors ?? [{}];
    return {
        name: metadata.name,
        annotations: metallbAnnotations,
        gives: (address, service) =>
            selectors.some((selector) => selects(selector, service.metadata.labels ?? {})) &&
            addresses.some((block) => contains(block, address)),
    };
}

function filePools(file: MetalLbFile | undefined, annotations: readonly string[]): readonly AddressPool[] {
    return (file?.["address-pools"] ?? []).map(({ name, addresses }) => ({
        name,
        annotations,
        gives: (address) => addresses.some((block) => contains(block, address)),
    }));
}

/** Parsed once for a list: every node of a lab asks for the same. */
const filesByList = new WeakMap<readonly KubernetesObject[], Map<string, MetalLbFile | undefined>>();

/** The configuration file of MetalLB up to 0.12. */
export function metallbFile(objects: readonly KubernetesObject[]): MetalLbFile | undefined {
    return readFile(objects, metallbNamespace, metallbConfigMap.name, metallbConfigMap.key);
}

/** The configuration file of the MetalLB in Cilium. */
export function ciliumMetalLbFile(objects: readonly KubernetesObject[]): MetalLbFile | undefined {
    return readFile(objects, ciliumConfigMap.namespace, ciliumConfigMap.name, ciliumConfigMap.key);
}

function readFile(
    objects: readonly KubernetesObject[],
    namespace: string,
    name: string,
    key: string,
): MetalLbFile | undefined {
    const files = filesByList.get(objects) ?? new Map<string, MetalLbFile | undefined>();
    filesByList.set(objects, files);
    if (!files.has(namespace)) {
        const text = ofKind(objects, "ConfigMap").find(
            ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
        )?.data[key];
        files.set(namespace, text === undefined ? undefined : (parse(text) as MetalLbFile));
    }
    return files.get(namespace);
}

/** The labels that Cilium matches selectors against: Cilium adds a service's name and namespace to the labels that selectors see. */
export function labelsOf({ metadata }: Service): Labels {
    return {
        ...metadata.labels,
        "io.kubernetes.service.name": metadata.name,
        "io.kubernetes.service.namespace": metadata.namespace ?? "default",
    };
}

/** Whether a node announces a service: under externalTrafficPolicy Local it does only with a pod of the service. */
export function hasEndpointFor(service: Service, objects: readonly KubernetesObject[], node: NodeFacts): boolean {
    return service.spec.externalTrafficPolicy === "Cluster" || hasPodOf(service, objects, node);
}

/** Whether the scheduler puts a pod of a service on a node. */
export function hasPodOf(service: Service, objects: readonly KubernetesObject[], node: NodeFacts): boolean {
    return [...ofKind(objects, "Deployment"), ...ofKind(objects, "DaemonSet")]
        .filter(({ metadata }) => metadata.namespace === service.metadata.namespace)
        .filter(({ spec }) => selects({ matchLabels: service.spec.selector }, spec.template.metadata.labels))
        .some((workload) => runsOn(workload, node));
}

/** Whether the scheduler puts a pod of the workload on a node: its affinity names the node, its spread fills it. */
function runsOn({ spec: { template } }: Deployment | DaemonSet, node: NodeFacts): boolean {
    const { nodeSelectorTerms } = template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    return nodeSelectorTerms.some(({ matchExpressions }) => selects({ matchExpressions }, node.labels));
}
