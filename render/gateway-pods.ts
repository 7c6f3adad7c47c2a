/**
 * Routers that run in pods of a real cluster: for each a Deployment that keeps it on its node, with FRR, and where it passes
 * connections on, rules for its kernel and a service inside the cluster behind them.
 */

import { familyOf, nthAddress } from "../lab/address";
import { routerLabel } from "../lab/bind";
import type { Address, Family, Lab, Router, Workload } from "../lab/model";
import { type PodRouter, podRouters } from "../lab/pods";
import { virtualAddressesAnnotation } from "../provider/schema";
import { frrConf } from "./frr";
import {
    type AppliedObject,
    type ClusterIpService,
    type FileMap,
    fileMap,
    type PodObject,
    type ProgramContainer,
    type ProgramTemplate,
    type SingleDeployment,
} from "./pod-objects";
import { onNodes } from "./workload";

/** Images of a router in a pod. */
export interface GatewayImages {
    /** FRR, with a shell, `ip` and `sed`. */
    readonly router: string;
    /** A shell, `ip` and `nft`, for what FRR's images have no program for. */
    readonly client: string;
}

/** Folder of the files in the containers. */
const folder = "/etc/bgp-lab";

/** Number in the range of services from which on the lab pins addresses of its own: in the part that is never given at will. */
const firstServiceNumber = 240;

/**
 * The objects of all routers in pods; none for a lab without any.
 *
 * @param lab the lab, whose addresses of pods are the cluster's to choose: none of them is in the objects
 */
export function gatewayPodResources(lab: Lab, images: GatewayImages): readonly AppliedObject[] {
    const pods = podRouters(lab);
    return [
        ...services(lab, pods),
        ...pods.flatMap((pod): PodObject[] => [files(lab, pod), deployment(lab, pod, images)]),
    ];
}

/** Settings of pods that a kubelet refuses unless it was told to take them. */
export function unsafeSysctls(lab: Lab): readonly string[] {
    return podRouters(lab).some(({ router }) => passesOn(router)) ? Object.keys(forwarding) : [];
}

const forwarding = { "net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1" } as const;

function passesOn({ virtualServers = [] }: Router): boolean {
    return virtualServers.length > 0;
}

function loopbacks({ interfaces }: Router): readonly string[] {
    return interfaces.filter(({ attachment }) => attachment.kind === "loopback").flatMap(({ addresses }) => addresses);
}

/** Starts FRR with the addresses of the node, to which the pod's default routes lead. */
const start = `set -eu
mkdir -p /etc/frr
cp ${folder}/frr.conf /etc/frr/frr.conf
for family in 4 6; do
    grep -q "{{node-ipv$family}}" /etc/frr/frr.conf || continue
    node=$(ip "-$family" route show default | sed -n '1s/.* via \\([0-9a-f.:]*\\) .*/\\1/p')
    if [ -z "$node" ]; then
        echo "this pod has no default route of IPv$family, and so cannot know its node's address" >&2
        exit 1
    fi
    echo "the node is $node"
    sed -i "s/{{node-ipv$family}}/$node/g" /etc/frr/frr.conf
done
echo "service integrated-vtysh-config" >/etc/frr/vtysh.conf
chown frr:frr /etc/frr/frr.conf
sed -i -e "s/^bgpd=no/bgpd=yes/" -e "s/^bfdd=no/bfdd=yes/" /etc/frr/daemons
exec /usr/lib/frr/docker-start
`;

/** Makes the pod's kernel take the connections at its addresses, before FRR announces those. */
function prepare(router: Router): string {
    return `set -eu
${loopbacks(router)
    .map((address) => `ip addr replace ${address} dev lo`)
    .join("\n")}
if ! command -v nft >/dev/null; then
    echo "virtual servers need an image with nft: set bgp-lab:docker.images.client" >&2
    exit 1
fi
nft -f ${folder}/forwarding.nft
`;
}

function files(lab: Lab, { name, pod: { namespace }, router }: PodRouter): FileMap {
    return fileMap(namespace, name, {
        data: {
            "frr.conf": frrConf(lab, name),
            "start.sh": start,
            ...(passesOn(router) ? { "prepare.sh": prepare(router), "forwarding.nft": rules(lab, router) } : {}),
        },
    });
}

/** Connections are passed on under the pod's own address, so that what answers them comes back through it. */
function rules(lab: Lab, { virtualServers = [] }: Router): string {
    const passed = virtualServers.map(({ address, port, workload }) => {
        const family = familyOf(address) === "ipv4" ? "ip" : "ip6";
        const behind = findWorkload(lab, workload);
        const to = serviceAddress(lab, behind, familyOf(address));
        const target = family === "ip" ? `${to}:${behind.port}` : `[${to}]:${behind.port}`;
        return `        ${family} daddr ${address} tcp dport ${port} dnat ${family} to ${target}`;
    });
    return `table inet bgp-lab
delete table inet bgp-lab
table inet bgp-lab {
    chain prerouting {
        type nat hook prerouting priority -100
${passed.join("\n")}
    }
    chain postrouting {
        type nat hook postrouting priority 100
        ct status dnat masquerade
    }
}
`;
}

/** Workloads that connections are passed on to, in the order in which they are first named. */
function workloadsBehind(lab: Lab, pods: readonly PodRouter[]): readonly Workload[] {
    const named = pods.flatMap(({ router: { virtualServers = [] } }) => virtualServers.map(({ workload }) => workload));
    return [...new Set(named.map((each) => findWorkload(lab, each)))];
}

function findWorkload({ cluster }: Lab, { namespace, name }: Pick<Workload, "namespace" | "name">): Workload {
    const found = cluster.workloads.find((each) => each.namespace === namespace && each.name === name);
    if (found === undefined) {
        throw new Error(`virtualServers: the cluster has no workload ${namespace}/${name}`);
    }
    return found;
}

/** The address inside the cluster at which a workload behind virtual servers is found, whatever its pods' addresses are. */
function serviceAddress(lab: Lab, workload: Workload, family: Family): Address {
    const number = firstServiceNumber + workloadsBehind(lab, podRouters(lab)).indexOf(workload);
    return nthAddress(lab.cluster.serviceCidrs.find((cidr) => familyOf(cidr) === family)!, number);
}

function services(lab: Lab, pods: readonly PodRouter[]): readonly ClusterIpService[] {
    const families = lab.cluster.serviceCidrs.map(familyOf);
    return workloadsBehind(lab, pods).map((workload) => {
        const { namespace, name, labels, port } = workload;
        const addresses = families.map((family) => serviceAddress(lab, workload, family));
        return {
            apiVersion: "v1",
            kind: "Service",
            metadata: { namespace, name: `behind-${name}` },
            spec: {
                type: "ClusterIP",
                ipFamilyPolicy: families.length === 2 ? "RequireDualStack" : "SingleStack",
                ipFamilies: families.map((family) => (family === "ipv4" ? "IPv4" : "IPv6")),
                clusterIP: addresses[0]!,
                clusterIPs: addresses,
                selector: labels,
                ports: [{ name: "http", protocol: "TCP", port, targetPort: port }],
            },
        };
    });
}

/** What FRR's daemons ask for before they give up root (zebra/main.c, bgpd/bgp_main.c, lib/privs.c). */
const frrCapabilities = [
    "NET_ADMIN",
    "NET_RAW",
    "SYS_ADMIN",
    "NET_BIND_SERVICE",
    "SETUID",
    "SETGID",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "KILL",
] as const;

const mounts = [{ name: "files", mountPath: folder, readOnly: true }] as const;

function deployment(lab: Lab, { name, pod, router }: PodRouter, images: GatewayImages): SingleDeployment {
    const own = { [routerLabel]: name };
    return {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { namespace: pod.namespace, name },
        spec: {
            replicas: 1,
            strategy: { type: "Recreate" },
            selector: { matchLabels: own },
            template: template(lab, { name, pod, router }, { ...pod.labels, ...own }, images),
        },
    };
}

function template(
    lab: Lab,
    { name, pod, router }: PodRouter,
    labels: Readonly<Record<string, string>>,
    images: GatewayImages,
): ProgramTemplate {
    const virtual = loopbacks(router);
    const sysctls = Object.entries(forwarding).map(([setting, value]) => ({ name: setting, value }));
    return {
        metadata: {
            labels,
            ...(virtual.length === 0 ? {} : { annotations: { [virtualAddressesAnnotation]: virtual.join(",") } }),
        },
        spec: {
            ...onNodes(lab, [pod.node]),
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            ...(passesOn(router) ? { securityContext: { sysctls } } : {}),
            ...(passesOn(router) ? { initContainers: [preparing(images.client)] } : {}),
            containers: [frrContainer(images.router)],
            volumes: [{ name: "files", configMap: { name: files(lab, { name, pod, router }).metadata.name } }],
            terminationGracePeriodSeconds: 1,
        },
    };
}

function preparing(image: string): ProgramContainer {
    return {
        name: "prepare",
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["sh", `${folder}/prepare.sh`],
        securityContext: {
            allowPrivilegeEscalation: false,
            runAsUser: 0,
            capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] },
        },
        volumeMounts: mounts,
    };
}

function frrContainer(image: string): ProgramContainer {
    return {
        name: "frr",
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["sh", `${folder}/start.sh`],
        // A probe by TCP would come from the node, which is a neighbor: bgpd would take it for one's call.
        readinessProbe: {
            exec: { command: ["vtysh", "-d", "bgpd", "-c", "show version"] },
            periodSeconds: 1,
            timeoutSeconds: 5,
        },
        securityContext: {
            allowPrivilegeEscalation: false,
            runAsUser: 0,
            capabilities: { drop: ["ALL"], add: frrCapabilities },
        },
        volumeMounts: mounts,
    };
}
