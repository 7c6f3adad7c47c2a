import { Container } from "@pulumi/docker/container";
import * as pulumi from "@pulumi/pulumi";
import { dockerFabric, dockerNodes, dockerSegments, fabricClaim } from "../../../components/docker";
import { Claim } from "../../../components/docker/resources";
import type { NodeContainer } from "../../../components/node-sidecar";
import type { Segment } from "../../../components/segment";
import { addressOf, familyOf } from "../../../lab/address";
import type { Lab } from "../../../lab/model";
import { claimLabel } from "../../../provider/schema";
import { dockerPrefix, hostProcess } from "../../../render/docker";

/** What the test sets. */
interface FabricSettings {
    readonly model: Lab;
    readonly images: { readonly router: string; readonly client: string; readonly node: string };
    /** Folder of this machine in which each node has one, where its speaker is asked. */
    readonly sockets: string;
}

/** The network of a lab from the components of the docker runtime, and a plain container for each node of its cluster. */
class Fabric extends pulumi.ComponentResource {
    constructor({ model, images, sockets }: FabricSettings) {
        super("bgplab:test:Fabric", "fabric");
        const prefix = dockerPrefix(pulumi.getProject(), pulumi.getStack());
        const wanted = fabricClaim(model, prefix, images);
        const claim = new Claim(
            "claim",
            { ...wanted, containers: [...wanted.containers, ...Object.keys(model.cluster.nodes)] },
            { parent: this },
        );
        const place = { model, prefix, claim };
        const segments = dockerSegments(this, place);
        const uplink = segments[model.cluster.nodeSegment]!;
        const nodes = Object.fromEntries(
            Object.keys(model.cluster.nodes).map((name) => [
                name,
                this.node(name, model, images.node, claim, uplink, `${sockets}/${name}`),
            ]),
        );
        dockerFabric(this, { ...place, images, segments });
        dockerNodes(this, { ...place, images, segments, nodes });
        this.registerOutputs();
    }

    /** As kind makes it: privileged, on the nodes' network, with a volume of its own for /var. */
    private node(
        name: string,
        { cluster }: Lab,
        image: string,
        claim: Claim,
        uplink: Segment,
        sockets: string,
    ): NodeContainer {
        const own = cluster.nodes[name]!.interfaces.find(
            ({ attachment }) => attachment.kind === "segment" && attachment.segment === cluster.nodeSegment,
        );
        const addresses = (own?.addresses ?? []).map(addressOf);
        const { entrypoints, command } = hostProcess();
        const container = new Container(
            name,
            {
                name,
                image,
                hostname: name,
                entrypoints: [...entrypoints],
                command: [...command],
                init: true,
                user: "0",
                privileged: true,
                networksAdvanced: [
                    {
                        name: uplink.network,
                        ipv4Address: addresses.find((address) => familyOf(address) === "ipv4"),
                        ipv6Address: addresses.find((address) => familyOf(address) === "ipv6"),
                    },
                ],
                volumes: [{ containerPath: "/var" }, { containerPath: "/run/gobgp", hostPath: sockets }],
                labels: [{ label: claimLabel, value: claim.name }],
            },
            { parent: this, deletedWith: claim, dependsOn: claim },
        );
        return { name, id: container.id };
    }
}

new Fabric(new pulumi.Config().requireObject<FabricSettings>("fabric"));
