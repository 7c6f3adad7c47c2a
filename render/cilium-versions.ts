/**
 * What the releases of Cilium differ in, as far as the lab uses it. Read from the custom resource definitions, the chart
 * and the operator in the source trees of 1.10.5, 1.13.0, 1.14.1, 1.15.19, 1.16.5, 1.17.0, 1.18.5 and 1.20.2.
 */

/** Cilium's API for BGP: CiliumBGPPeeringPolicy, or ClusterConfig with PeerConfig and Advertisement. */
export type BgpApi = "peering-policy" | "cluster-config";

/** One release's way of being told things. */
export interface CiliumTraits {
    /** First release with these traits, as major and minor version. */
    readonly since: readonly [major: number, minor: number];
    /** APIs for BGP that the release serves, the preferred one first; none before 1.13. */
    readonly bgpApis: readonly BgpApi[];
    /** Whether a CiliumBGPPeeringPolicy says timers and graceful restart; before, sessions have GoBGP's timers and no restart. */
    readonly policyTimers: boolean;
    /** Whether a CiliumBGPPeeringPolicy says which families a session carries; before, each carries both. */
    readonly policyFamilies: boolean;
    /** API version of CiliumLoadBalancerIPPool. */
    readonly poolApiVersion: "cilium.io/v2alpha1" | "cilium.io/v2";
    /** Field of a pool that holds its prefixes. `cidrs` never gives out the first and last address of a prefix. */
    readonly poolField: "cidrs" | "blocks";
    /** Value of the chart that says how pod traffic crosses nodes; 1.14 writes the newer one beside its default. */
    readonly routingValue: "tunnel" | "routingMode";
    /** How the chart is told who does kube-proxy's work: in words, or as a truth value. */
    readonly kubeProxyValue: "words" | "boolean";
    /** Value of the chart with the network that is routed natively. */
    readonly nativeValue: "nativeRoutingCIDR" | "ipv4NativeRoutingCIDR";
    /** Whether MetalLB's speaker is in Cilium, as another way to speak BGP (Helm `bgp.enabled`). */
    readonly metallb: boolean;
    /** Whether agents can be told to pass what pods send from addresses that are not theirs. */
    readonly sourceVerification: boolean;
    /** Whether a CiliumBGPPeerConfig names the interface with the addresses of its sessions. */
    readonly sourceInterface: boolean;
    /** Annotation by which a service asks for its load-balancer addresses. */
    readonly addressAnnotation: "io.cilium/lb-ipam-ips" | "lbipam.cilium.io/ips";
}

const cilium110: CiliumTraits = {
    since: [1, 10],
    bgpApis: [],
    policyTimers: false,
    policyFamilies: false,
    poolApiVersion: "cilium.io/v2alpha1",
    poolField: "cidrs",
    routingValue: "tunnel",
    kubeProxyValue: "words",
    nativeValue: "nativeRoutingCIDR",
    metallb: true,
    sourceVerification: false,
    sourceInterface: false,
    addressAnnotation: "io.cilium/lb-ipam-ips",
};

const cilium111: CiliumTraits = { ...cilium110, since: [1, 11], nativeValue: "ipv4NativeRoutingCIDR" };

const cilium113: CiliumTraits = { ...cilium111, since: [1, 13], bgpApis: ["peering-policy"] };

const cilium114: CiliumTraits = {
    ...cilium113,
    since: [1, 14],
    policyTimers: true,
    kubeProxyValue: "boolean",
};

const cilium115: CiliumTraits = {
    ...cilium114,
    since: [1, 15],
    policyFamilies: true,
    poolField: "blocks",
    routingValue: "routingMode",
};

const cilium116: CiliumTraits = {
    ...cilium115,
    since: [1, 16],
    addressAnnotation: "lbipam.cilium.io/ips",
};

const cilium117: CiliumTraits = { ...cilium116, since: [1, 17], metallb: false, sourceVerification: true };

const cilium118: CiliumTraits = {
    ...cilium117,
    since: [1, 18],
    bgpApis: ["cluster-config", "peering-policy"],
    poolApiVersion: "cilium.io/v2",
};

const cilium119: CiliumTraits = { ...cilium118, since: [1, 19], bgpApis: ["cluster-config"] };

const cilium120: CiliumTraits = { ...cilium119, since: [1, 20], sourceInterface: true };

/** Releases at which something changed, oldest first. */
export const ciliumReleases: readonly CiliumTraits[] = [
    cilium110,
    cilium111,
    cilium113,
    cilium114,
    cilium115,
    cilium116,
    cilium117,
    cilium118,
    cilium119,
    cilium120,
];

/**
 * The traits of a version such as `1.20.2`. A version newer than all that are known is taken to be like the newest.
 *
 * @throws Error when the version cannot be read, or is older than 1.10, which has no BGP
 */
export function ciliumTraits(version: string): CiliumTraits {
    const match = /^v?(\d+)\.(\d+)\.\d+(?:[-+].*)?$/.exec(version);
    if (match === null) {
        throw new Error(`"${version}" is not a version of Cilium; write it as 1.20.2`);
    }
    const [major, minor] = [Number(match[1]), Number(match[2])];
    const traits = ciliumReleases.findLast(
        ({ since }) => major > since[0] || (major === since[0] && minor >= since[1]),
    );
    if (traits === undefined) {
        throw new Error(`Cilium ${version} has no BGP; use 1.10.0 or newer`);
    }
    return traits;
}
