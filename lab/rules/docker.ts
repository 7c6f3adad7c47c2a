import { contains, familyOf, firstHost, overlaps } from "../address";
import { bridgeGateway } from "../gateway";
import type { Lab, Segment } from "../model";
import { nodePort } from "../pods";
import { devices } from "./devices";
import { networks, type PlacedNetwork } from "./networks";
import { rule } from "./rule";

/** Docker gives every network a gateway of its own, which no device of the lab may have. */
export const gatewaysAreFree = rule({
    id: "DKR-SEG-001",
    severity: "error",
    source: "Docker documentation, docker network create --gateway",
    runtime: "docker",
    *check(lab) {
        for (const [name, { subnets }] of dockerSegments(lab)) {
            for (const [index, subnet] of subnets.entries()) {
                if (bridgeGateway(lab, name, subnet) === undefined) {
                    const isNodes = name === lab.cluster.nodeSegment;
                    yield {
                        at: ["segments", name, "subnets", index],
                        says: `${subnet} leaves no address for the gateway of Docker's network ${name}`,
                        fix: isNodes
                            ? `leave ${firstHost(subnet)} free, the gateway of kind's network`
                            : `use a /${familyOf(subnet) === "ipv4" ? 29 : 126} or a shorter mask`,
                    };
                }
            }
        }
    },
});

/** To a network without an IPv4 subnet Docker gives one of its own choice, which may be that of something else. */
export const networksHaveIpv4 = rule({
    id: "DKR-SEG-002",
    severity: "error",
    source: "Docker documentation, default address pools",
    runtime: "docker",
    *check(lab) {
        for (const [name, { subnets }] of dockerSegments(lab)) {
            if (!subnets.some((subnet) => familyOf(subnet) === "ipv4")) {
                yield {
                    at: ["segments", name, "subnets"],
                    says: `${name} has no IPv4 subnet, and Docker would choose one for it`,
                    fix: "add an IPv4 subnet",
                };
            }
        }
    },
});

/** Docker's own bridge, docker0, has this subnet unless its daemon is told otherwise. */
const docker0 = "172.17.0.0/16";

/** On most machines docker0 has its usual subnet, and then no other network can have it. */
export const networksAvoidDocker0 = rule({
    id: "DKR-SEG-003",
    severity: "warning",
    source: "Docker documentation, default bridge network",
    runtime: "docker",
    *check(lab) {
        for (const [name, { subnets }] of Object.entries(lab.segments)) {
            for (const [index, subnet] of subnets.entries()) {
                if (overlaps(subnet, docker0)) {
                    yield {
                        at: ["segments", name, "subnets", index],
                        says: `${subnet} overlaps ${docker0}, which Docker's own bridge has on most machines`,
                        fix: "use another network",
                    };
                }
            }
        }
    },
});

/** Docker takes a network that it is told nothing of from these pools, unless its daemon is told otherwise. */
const dockerPools = ["172.17.0.0-172.31.255.255"];

/**
 * Docker gives networks of other projects subnets of its own choice, and knows nothing of a cluster's networks: one that
 * gets the same addresses takes them away from this machine and its containers.
 */
export const clusterAvoidsDockerPools = rule({
    id: "DKR-NET-001",
    severity: "warning",
    source: "Docker documentation, default address pools",
    runtime: "docker",
    *check(lab) {
        const attached = Object.values(lab.segments).flatMap(({ subnets }) => subnets);
        const free = ({ kind, prefix }: PlacedNetwork) =>
            (kind === "pods" || kind === "services" || kind === "pool") &&
            !attached.some((subnet) => contains(subnet, prefix));
        for (const { prefix, what, place } of networks(lab).filter(free)) {
            if (dockerPools.some((pool) => overlaps(pool, prefix))) {
                yield {
                    at: place,
                    says: `${what} is in 172.17.0.0 to 172.31.255.255, from where Docker takes subnets for networks of its own choice`,
                    fix: "use a part of 10.0.0.0/8 that your own network does not use",
                };
            }
        }
    },
});

/** Containers, their hostnames and Docker's networks are named after devices and segments. */
export const namesSuitDocker = rule({
    id: "DKR-NAME-001",
    severity: "error",
    source: "RFC 1123 §2.1; Docker Engine API, ContainerCreate",
    runtime: "docker",
    *check(lab) {
        const segments = dockerSegments(lab).map(([name]) => ({ name, place: ["segments", name] }));
        for (const { name, place } of [...devices(lab), ...segments]) {
            if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
                yield {
                    at: place,
                    says: `Docker can name nothing after "${name}"`,
                    fix: "use at most 63 lower-case letters, digits and '-', with a letter or digit at both ends",
                };
            }
        }
    },
});

/** On their nodes Cilium and Calico make interfaces of their own, among them those that the lab has for its Pods. */
export const interfacesAreNotTheCnis = rule({
    id: "DKR-IF-001",
    severity: "error",
    source: "Cilium documentation, eBPF datapath; Calico documentation, interfacePrefix",
    runtime: "docker",
    *check(lab) {
        const [cni, own] =
            lab.cluster.calico === undefined
                ? (["Cilium", /^(cilium_|lxc)/] as const)
                : (["Calico", /^(cali|tunl|vxlan\.)/] as const);
        for (const [node, { interfaces }] of Object.entries(lab.cluster.nodes)) {
            for (const [index, { name, attachment }] of interfaces.entries()) {
                const isPods =
                    name === nodePort ||
                    (attachment.kind === "segment" && lab.segments[attachment.segment]?.kind === "pod-link");
                if (own.test(name) && !isPods) {
                    yield {
                        at: ["cluster", "nodes", node, "interfaces", index, "name"],
                        says: `${node} has an interface ${name}, a name that ${cni} takes for its own`,
                        fix: "use another name, such as net0",
                    };
                }
            }
        }
    },
});

/** Segments that are networks of Docker's; what joins Pods to their nodes is the cluster's. */
function dockerSegments({ segments }: Lab): readonly (readonly [name: string, segment: Segment])[] {
    return Object.entries(segments).filter(([, { kind }]) => kind !== "pod-link");
}
