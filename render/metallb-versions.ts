/**
 * What the releases of MetalLB differ in, as far as the lab uses it. Read from the configuration parser, the types of the
 * custom resources, the controller, the speaker and the chart in the source trees of 0.8.3, 0.9.6, 0.12.0, 0.13.2 to
 * 0.13.12, 0.14.0 to 0.14.9, 0.15.3 and 0.16.1.
 */

/** How a service asks for its addresses: in its specification (one address), or in an annotation of this name. */
export type AddressRequest = "loadBalancerIP" | "metallb.universe.tf/loadBalancerIPs" | "metallb.io/loadBalancerIPs";

/** One release's way of being told things. */
export interface MetalLbTraits {
    /** First release with these traits, as major, minor and patch version. */
    readonly since: readonly [major: number, minor: number, patch: number];
    /** Whether it is configured by a ConfigMap or by custom resources. */
    readonly configuration: "config-map" | "custom-resources";
    readonly addressRequest: AddressRequest;
    /** Whether a pool can be for some services only (IPAddressPool `serviceAllocation`). */
    readonly serviceAllocation: boolean;
    /** Whether a peer says how long to wait between attempts to connect (BGPPeer `connectTime`). */
    readonly connectTime: boolean;
    /** Whether nodes with the label exclude-from-external-load-balancers announce nothing. */
    readonly honoursExcludeLabel: boolean;
    /** Whether the chart can make them announce all the same (`speaker.ignoreExcludeLB`). */
    readonly ignoreExcludeLabel: boolean;
    /** Whether the chart has FRR with frr-k8s, as one of the speakers (`frrk8s`). */
    readonly frrK8s: boolean;
    /** What speaks BGP where nothing asks for another: MetalLB's own speaker, or FRR configured by frr-k8s. */
    readonly speaker: "native" | "frr-k8s";
}

const metallb08: MetalLbTraits = {
    since: [0, 8, 0],
    configuration: "config-map",
    addressRequest: "loadBalancerIP",
    serviceAllocation: false,
    connectTime: false,
    honoursExcludeLabel: false,
    ignoreExcludeLabel: false,
    frrK8s: false,
    speaker: "native",
};

const metallb012: MetalLbTraits = {
    ...metallb08,
    since: [0, 12, 0],
    addressRequest: "metallb.universe.tf/loadBalancerIPs",
};

const metallb013: MetalLbTraits = { ...metallb012, since: [0, 13, 0], configuration: "custom-resources" };

const metallb0139: MetalLbTraits = { ...metallb013, since: [0, 13, 9], serviceAllocation: true };

const metallb014: MetalLbTraits = { ...metallb0139, since: [0, 14, 0], honoursExcludeLabel: true, frrK8s: true };

const metallb0144: MetalLbTraits = { ...metallb014, since: [0, 14, 4], connectTime: true, ignoreExcludeLabel: true };

const metallb0149: MetalLbTraits = { ...metallb0144, since: [0, 14, 9], addressRequest: "metallb.io/loadBalancerIPs" };

const metallb016: MetalLbTraits = { ...metallb0149, since: [0, 16, 0], speaker: "frr-k8s" };

/** Releases at which something changed, oldest first. */
export const metallbReleases: readonly MetalLbTraits[] = [
    metallb08,
    metallb012,
    metallb013,
    metallb0139,
    metallb014,
    metallb0144,
    metallb0149,
    metallb016,
];

/**
 * The traits of a version such as `0.16.1`. A version newer than all that are known is taken to be like the newest.
 *
 * @throws Error when the version cannot be read, or is older than 0.8
 */
export function metallbTraits(version: string): MetalLbTraits {
    const match = /^v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$/.exec(version);
    if (match === null) {
        throw new Error(`"${version}" is not a version of MetalLB; write it as 0.16.1`);
    }
    const own = match.slice(1, 4).map(Number);
    const traits = metallbReleases.findLast(({ since }) => compare(own, since) >= 0);
    if (traits === undefined) {
        throw new Error(`MetalLB ${version} is not known here; use 0.8.0 or newer`);
    }
    return traits;
}

/** Below 0 when the first version is older, above 0 when it is newer. */
function compare(a: readonly number[], b: readonly number[]): number {
    const at = a.findIndex((part, index) => part !== b[index]);
    return at < 0 ? 0 : a[at]! - b[at]!;
}
