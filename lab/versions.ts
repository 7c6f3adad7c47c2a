/**
 * Every version and image that the lab chooses by itself, with the place where it was found and the day of looking.
 * Stacks can set each of them; what is here is what they get when they don't.
 */

import { defaultVyosVersion } from "./vyos";

/** A container image, and where its digest comes from. */
export interface PinnedImage {
    /** Full reference; with a digest wherever a public source names one. */
    readonly reference: string;
    /** Document or file that names it. */
    readonly source: string;
    /** Day on which the source was read. */
    readonly checked: string;
}

/** The node image that a release of kind publishes for a Kubernetes version. */
export interface NodeImage extends PinnedImage {
    /** Kubernetes version in the image. */
    readonly kubernetes: string;
    /** Release of kind that the image was built for; older releases may fail on it, newer ones rarely do. */
    readonly kind: string;
}

/** Versions and images that belong together. */
export interface VersionSet {
    /** Kubernetes version, for which there is a node image. */
    readonly kubernetes: string;
    /** Version of Cilium and of its Helm chart, which names Cilium's images by digest itself. */
    readonly cilium: string;
    /** Version of MetalLB and of its Helm chart, for labs in which it is chosen. */
    readonly metallb: string;
    /** Version of Calico, for labs in which it is chosen. */
    readonly calico: string;
    /** Version of VyOS, for labs in which it is chosen; there are no public images of it. */
    readonly vyos: string;
    /** FRR, for routers. */
    readonly router: PinnedImage;
    /** A shell with iproute2, curl and ping, for clients and for the sidecars of nodes. */
    readonly client: PinnedImage;
    /** nginx whose entrypoint fills /etc/nginx/templates, for the pods of the workload. */
    readonly web: PinnedImage;
    /** Node.js, for the peering controller of labs with neighbors by label. */
    readonly controller: PinnedImage;
}

/** Oldest release of kind that takes the configurations which the lab writes and the node images which it names. */
export const oldestKind = "0.20.0";

/** The repository of Cilium's Helm chart (Cilium documentation, Installation using Helm; read 2026-11-21). */
export const ciliumChartRepository = "https://helm.cilium.io";

/** The repository of MetalLB's Helm chart (MetalLB documentation, Installation with Helm; read 2026-11-21). */
export const metallbChartRepository = "https://metallb.github.io/metallb";

/** The repository of the Helm chart of Calico's operator (Calico documentation, Install using Helm; read 2026-11-21). */
export const calicoChartRepository = "https://docs.tigera.io/calico/charts";

const kindReleases = "https://github.com/kubernetes-sigs/kind/releases/tag";

function nodeImage(kind: string, kubernetes: string, digest: string): NodeImage {
    return {
        kubernetes,
        kind,
        reference: `kindest/node:v${kubernetes}@sha256:${digest}`,
        source: `${kindReleases}/v${kind}`,
        checked: "2026-11-21",
    };
}

/**
 * Node images, the newest first, as the release notes of kind list them. kind asks for the digest, because tags are
 * pushed again with images for newer releases.
 */
export const nodeImages: readonly NodeImage[] = [
    nodeImage("0.33.0", "1.37.0", "a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"),
    nodeImage("0.33.0", "1.36.4", "099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed"),
    nodeImage("0.32.0", "1.36.1", "3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5"),
    nodeImage("0.33.0", "1.35.8", "07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0"),
    nodeImage("0.32.0", "1.35.5", "ce977ae6d65918d0b58a5f8b5e940429c2ce42fa3a5619ec2bbc60b949c0ac95"),
    nodeImage("0.31.0", "1.35.0", "452d707d4862f52530247495d180205e029056831160e22870e37e3f6c1ac31f"),
    nodeImage("0.33.0", "1.34.11", "44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d"),
    nodeImage("0.32.0", "1.34.8", "02722c2dedddcfc00febf5d27fbeb9b7b2c14294c82109ff4a85d89ac9ba3256"),
    nodeImage("0.31.0", "1.34.3", "08497ee19eace7b4b5348db5c6a1591d7752b164530a36f855cb0f2bdcbadd48"),
    nodeImage("0.30.0", "1.34.0", "7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a"),
    nodeImage("0.32.0", "1.33.12", "3f5c8443c620245e4d355cfe09e96a91ead32ceaa569d3f1ca9edf0cb2fe2ff4"),
    nodeImage("0.31.0", "1.32.11", "5fc52d52a7b9574015299724bd68f183702956aa4a2116ae75a63cb574b35af8"),
    nodeImage("0.31.0", "1.31.14", "6f86cf509dbb42767b6e79debc3f2c32e4ee01386f0489b3b2be24b0a55aac2b"),
    nodeImage("0.29.0", "1.30.13", "397209b3d947d154f6641f2d0ce8d473732bd91c87d9575ade99049aa33cd648"),
    nodeImage("0.27.0", "1.29.14", "8703bd94ee24e51b778d5556ae310c6c0fa67d761fae6379c8e0bb480e6fea29"),
    nodeImage("0.20.0", "1.28.0", "b7a4cad12c197af3ba43202d3efe03246b3f0793f162afb40a33c923952d5b31"),
    nodeImage("0.12.0", "1.23.4", "0e34f0d0fd448aa2f2819cfd74e99fe5793a6e4938b328f657c8e3f81ee0dfb9"),
];

/** The node image for a Kubernetes version; nothing when kind has not published one that is listed here. */
export function findNodeImage(kubernetes: string): NodeImage | undefined {
    return nodeImages.find((image) => image.kubernetes === kubernetes);
}

const web: PinnedImage = {
    reference:
        "docker.io/library/nginx:1.29.8-alpine@sha256:5616878291a2eed594aee8db4dade5878cf7edcb475e59193904b198d9b830de",
    source: "public build files that pin docker.io/library/nginx:1.29.8-alpine; more than five agree",
    checked: "2026-11-21",
};

/** What a stack gets by default: recent versions that were seen working together. */
export const currentVersions: VersionSet = {
    // The last minor version whose kubelet starts on hosts with cgroup v1 without being told to.
    kubernetes: "1.34.11",
    cilium: "1.20.2",
    metallb: "0.16.1",
    calico: "3.32.1",
    vyos: defaultVyosVersion,
    router: {
        reference:
            "quay.io/frrouting/frr:10.5.3@sha256:37b42d2b340c322edc5f20dc4598373adb6e813e95cc9d4a18f64f9a37c98a4c",
        source: "https://github.com/cilium/cilium, cilium-cli/defaults/defaults.go",
        checked: "2026-11-21",
    },
    client: {
        reference:
            "docker.io/nicolaka/netshoot:v0.15@sha256:47b907d662d139d1e2f22bfe14f4efca1e3f1feed283572f47c970c780c03b61",
        source: "public test suites that pin nicolaka/netshoot:v0.15; more than five agree",
        checked: "2026-11-21",
    },
    web,
    controller: {
        reference:
            "docker.io/library/node:22.12.0-alpine@sha256:51eff88af6dff26f59316b6e356188ffa2c422bd3c3b76f2556a2e7e89d080bd",
        source: "public build files and logs that pin docker.io/library/node:22.12.0-alpine; five agree",
        checked: "2026-11-22",
    },
};

/**
 * The versions of the articles that the topologies come from, by topology. What an article does not use or not say is as
 * in the recent versions.
 *
 * The article of `single-frr` (kind 0.20.0, containerlab 0.44.3, August 2023) uses `nicolaka/netshoot:latest`, which was
 * v0.11 at the time, and does not say which nginx its pods run. That of `leaf-spine` (kind 0.18.0, containerlab 0.54.2,
 * July 2024) installs a release candidate of Cilium 1.13.0, and images of its author's for clients and pods. Those of
 * `calico-metallb-vrf` (August 2019) and `ibgp-frr` (October 2021) use no kind, and name only MetalLB and Cilium; the
 * others are the releases of their time.
 * That of `pod-gateway` names none and patches Cilium itself: its resources are those of the releases with
 * CiliumBGPPeeringPolicy only, of which this takes the one that `single-frr` has.
 */
export const articleVersions = {
    "single-frr": {
        ...currentVersions,
        kubernetes: "1.28.0",
        cilium: "1.14.1",
        router: {
            // No public source names its digest; Docker Hub has not pushed the tag again since FRR moved to Quay in 2023.
            reference: "docker.io/frrouting/frr:v8.4.0",
            source: "https://github.com/cilium/cilium, contrib/containerlab/service/topo.yaml",
            checked: "2026-11-21",
        },
        client: {
            reference:
                "docker.io/nicolaka/netshoot:v0.11@sha256:a7c92e1a2fb9287576a16e107166fee7f9925e15d2c1a683dbb1f4370ba9bfe8",
            source: "public logs of docker pull and kubectl describe for nicolaka/netshoot:v0.11; four agree",
            checked: "2026-11-21",
        },
    },
    "leaf-spine": { ...currentVersions, kubernetes: "1.23.4", cilium: "1.13.0", metallb: "0.13.10", vyos: "1.2.8" },
    "calico-metallb-vrf": { ...currentVersions, kubernetes: "1.15.3", calico: "3.8.2", metallb: "0.8.1" },
    "ibgp-frr": { ...currentVersions, kubernetes: "1.22.2", cilium: "1.10.5" },
    "pod-gateway": { ...currentVersions, kubernetes: "1.28.0", cilium: "1.14.1" },
} as const satisfies Readonly<Record<string, VersionSet>>;

/** Which versions a stack starts from: recent ones, or those of its topology's article. */
export type VersionChoice = "current" | "article";

/** The versions and images of a choice. */
export function versionSet(chosen: VersionChoice, topology: keyof typeof articleVersions): VersionSet {
    return chosen === "article" ? articleVersions[topology] : currentVersions;
}
