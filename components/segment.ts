import { Network } from "@pulumi/docker/network";
import * as pulumi from "@pulumi/pulumi";
import type { Address, Prefix } from "../lab/model";
import { claimLabel } from "../provider/schema";
import type { AddressPool } from "../render/docker";
import { dockerInterfacePrefix } from "../render/docker";
import type { Claim } from "./docker/resources";

/** A subnet of a segment, as Docker wants it. */
export interface SegmentSubnet {
    readonly subnet: Prefix;
    /** Address that Docker takes for itself; no interface of the lab may have it. */
    readonly gateway: Address;
    /** Addresses that Docker gives to containers that ask for none. @default all that are free */
    readonly pool?: AddressPool;
}

/** Arguments of a segment. */
export interface SegmentArgs {
    /** The lab that the segment belongs to. */
    readonly claim: Claim;
    /** Name of the Docker network. */
    readonly network: string;
    /** Subnets, at most one per family. */
    readonly subnets: readonly SegmentSubnet[];
    /** Bytes of the largest layer-3 packet. @default 1500 */
    readonly mtu?: number;
    /**
     * Whether the network leads out of the lab: the host answers at the gateway's address and hides the containers behind
     * its own. The nodes of a cluster fetch their images that way; between routers nobody but the lab's devices answers.
     *
     * @default false
     */
    readonly uplink?: boolean;
    /** Whether Docker calls interfaces `eth0`, `eth1`, … as on any network, which is what kind's nodes expect. @default false */
    readonly usualNames?: boolean;
}

/**
 * Options of a network that does not lead out. The engine's host has no address there. Since Docker 28.2 what is for a
 * container is dropped when it crosses the bridge of another network than the container's, unless its network is routed
 * (moby#49829); where bridged frames are filtered, that would be all that goes through a router. Engines that do not
 * know the mode, those before 27, ignore it.
 */
const betweenDevices = {
    "com.docker.network.bridge.inhibit_ipv4": "true",
    "com.docker.network.bridge.gateway_mode_ipv4": "routed",
    "com.docker.network.bridge.gateway_mode_ipv6": "routed",
} as const;

function ipamConfig({ subnet, gateway, pool }: SegmentSubnet) {
    return {
        subnet,
        gateway,
        ...(pool === undefined
            ? {}
            : {
                  ipRange: pool.range,
                  auxAddress: Object.fromEntries(pool.reserved.map((address) => [`not-${address}`, address])),
              }),
    };
}

/** A layer-2 segment: a Docker network. It is a bridge with exactly the lab's subnets. */
export class Segment extends pulumi.ComponentResource {
    /** Name of the Docker network, once it exists. */
    readonly network: pulumi.Output<string>;
    /** Docker's id of the network: another one after a change of its subnets. */
    readonly networkId: pulumi.Output<string>;

    constructor(name: string, args: SegmentArgs, opts?: pulumi.ComponentResourceOptions) {
        const { claim, network, subnets, mtu = 1500, uplink = false, usualNames = false } = args;
        super("bgplab:index:Segment", name, { network, subnets, mtu, uplink }, opts);
        const made = new Network(
            name,
            {
                name: network,
                driver: "bridge",
                ipv6: subnets.some(({ subnet }) => subnet.includes(":")),
                ipamConfigs: subnets.map(ipamConfig),
                options: {
                    "com.docker.network.driver.mtu": String(mtu),
                    "com.docker.network.bridge.enable_ip_masquerade": String(uplink),
                    ...(uplink ? {} : betweenDevices),
                    ...(usualNames ? {} : { "com.docker.network.container_iface_prefix": dockerInterfacePrefix }),
                },
                labels: [{ label: claimLabel, value: claim.name }],
            },
            // A network of the same name or with an overlapping subnet cannot exist beside this one.
            { parent: this, deletedWith: claim, dependsOn: claim, deleteBeforeReplace: true },
        );
        this.network = made.name;
        this.networkId = made.id;
        this.registerOutputs({ network: this.network });
    }
}
