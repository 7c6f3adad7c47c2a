/**
 * As many networks, containers, commands, Kubernetes objects and releases as a lab on kind has, without anything of the
 * lab: what any program with these providers costs. The cluster has one node; its network plugin and its objects are the
 * lab's, so that the providers have as much to compare.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "@pulumi/command/local";
import { Container } from "@pulumi/docker/container";
import { Network } from "@pulumi/docker/network";
import { CustomResource } from "@pulumi/kubernetes/apiextensions";
import { Deployment } from "@pulumi/kubernetes/apps/v1";
import { ConfigMap, Namespace, Service } from "@pulumi/kubernetes/core/v1";
import { Release } from "@pulumi/kubernetes/helm/v3";
import { Provider } from "@pulumi/kubernetes/provider";
import * as pulumi from "@pulumi/pulumi";
import type { BareSettings } from "../settings";

interface KubernetesObject {
    readonly kind: string;
    readonly metadata: { readonly name: string };
}

const { folder, image, nodeImage, chart, networks, containers } = new pulumi.Config().requireObject<BareSettings>(
    "bare",
);
const name = "bgp-lab-bare";

function items(file: string): readonly KubernetesObject[] {
    return JSON.parse(readFileSync(join(folder, file), "utf8")).items;
}

// kind makes its usual network where it is told of no other, and leaves it behind: the cluster is on the first of these.
const [nodeNetwork] = Array.from(
    { length: networks },
    (_, each) =>
        new Network(`network${each}`, {
            name: `${name}-${each}`,
            ipv6: true,
            ipamConfigs: [{ subnet: `172.27.${each}.0/24` }, { subnet: `fd00:172:27:${each + 1}::/64` }],
            labels: [{ label: "bare", value: "yes" }],
        }),
);
for (let each = 0; each < containers; each++) {
    new Container(`container${each}`, {
        name: `${name}-${each}`,
        image,
        networkMode: "none",
        entrypoints: ["sleep", "infinity"],
        init: true,
        labels: [{ label: "bare", value: "yes" }],
        capabilities: { adds: ["CAP_NET_ADMIN", "CAP_NET_RAW"] },
    });
}
const cluster = new Command(
    "cluster",
    {
        create: `kind create cluster --name ${name} --kubeconfig /dev/null --config /dev/stdin >&2; kind get kubeconfig --name ${name}`,
        delete: `kind delete cluster --name ${name} --kubeconfig /dev/null`,
        stdin: `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: { ipFamily: dual, disableDefaultCNI: true }
nodes: [{ role: control-plane, image: "${nodeImage}" }]
`,
        environment: { KIND_EXPERIMENTAL_DOCKER_NETWORK: nodeNetwork?.name ?? "kind" },
        logging: "none",
    },
    { additionalSecretOutputs: ["stdout"] },
);
const provider = new Provider("cluster", { kubeconfig: cluster.stdout, clusterIdentifier: cluster.id });
const opts = { provider, deletedWith: cluster };
const { path, ...repository } = chart;
const release = new Release(
    "cilium",
    {
        name: "cilium",
        namespace: "kube-system",
        ...(path === undefined ? { chart: "cilium", ...repository } : { chart: path }),
        values: JSON.parse(readFileSync(join(folder, "values.json"), "utf8")),
        skipAwait: true,
    },
    opts,
);
const kinds = { Namespace, ConfigMap, Service, Deployment };
let namespace: pulumi.Resource | undefined;
for (const each of items("workload.json").map(unawaited)) {
    const Kind = kinds[each.kind as keyof typeof kinds];
    const made = new Kind(each.metadata.name, each as never, {
        ...opts,
        ...(namespace ? { dependsOn: namespace } : {}),
    });
    namespace ??= made;
}
for (const each of items("cilium.json")) {
    new CustomResource(`${each.kind}-${each.metadata.name}`, each as never, { ...opts, dependsOn: release });
}

function unawaited(object: KubernetesObject): KubernetesObject {
    const metadata = { ...object.metadata, annotations: { "pulumi.com/skipAwait": "true" } };
    return { ...object, metadata };
}
