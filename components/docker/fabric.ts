import * as pulumi from "@pulumi/pulumi";
import type { Lab as Model } from "../../lab/model";
import type { DockerClaimInputs } from "../../provider/schema";
import { dockerName, segmentGateway, wiringSpec } from "../../render/docker";
import { frrConf } from "../../render/frr";
import { Client } from "../client";
import type { Networks } from "../device";
import { type NodeContainer, NodeSidecar } from "../node-sidecar";
import { Router } from "../router";
import type { DockerImages } from "../runtime";
import { Segment } from "../segment";
import type { Claim, Revised } from "./resources";

/** A lab and the names that it has on the engine. */
export interface Place {
    readonly model: Model;
    /** What the names of all containers and networks start with. */
    readonly prefix: string;
    readonly claim: Claim;
}

/** Segments of a lab, by name in the model. */
export type Segments = Readonly<Record<string, Segment>>;

/** Images of a fabric. */
export type FabricImages = Pick<DockerImages, "router" | "client">;

/** Arguments of a fabric. */
export interface FabricArgs extends Place {
    readonly images: FabricImages;
    readonly segments: Segments;
    /** Containers of the cluster's nodes, by name in the model. */
    readonly nodes: Readonly<Record<string, NodeContainer>>;
}

/** The network of a lab with everything on it but a cluster. */
export interface Fabric {
    /** Containers of the routers and clients, by name in the model. */
    readonly containers: Readonly<Record<string, string>>;
    /** Seconds until the slowest router was configured. */
    readonly seconds: pulumi.Output<number>;
    /** What makes the fabric work. */
    readonly parts: readonly (pulumi.Resource & Revised)[];
}

/** What the names of a lab's sidecars start with, after the lab's own prefix. */
const sidecarPrefix = "sidecar";

/**
 * Name of the container of a router or client, or of the sidecar of a node. Nodes are called by their cluster's name, which
 * sidecars leave out.
 */
export function containerName({ cluster }: Model, prefix: string, device: string): string {
    const short = device.startsWith(`${cluster.name}-`) ? device.slice(cluster.name.length + 1) : device;
    return dockerName(prefix, device in cluster.nodes ? `${sidecarPrefix}-${short}` : device);
}

/** The part of a claim that is the fabric's. */
export function fabricClaim(
    model: Model,
    prefix: string,
    images: FabricImages,
): Pick<DockerClaimInputs, "networks" | "containers" | "images"> {
    const networks = Object.entries(model.segments).map(([name, { subnets }]) => [dockerName(prefix, name), subnets]);
    const devices = [model.routers, model.hosts, model.cluster.nodes].flatMap((kind) => Object.keys(kind));
    return {
        networks: Object.fromEntries(networks),
        containers: devices.map((device) => containerName(model, prefix, device)),
        images: [...new Set([images.router, images.client])],
    };
}

/** The segments of a lab. Only that of the nodes leads out of the lab. */
export function dockerSegments(parent: pulumi.Resource, { model, prefix, claim }: Place): Segments {
    const made = Object.entries(model.segments).map(([name, { subnets, mtu }]) => {
        const args = {
            claim,
            network: dockerName(prefix, name),
            subnets: subnets.map((subnet) => ({ subnet, gateway: segmentGateway(model, name, subnet) })),
            mtu,
            uplink: name === model.cluster.nodeSegment,
        };
        return [name, new Segment(name, args, { parent })] as const;
    });
    return Object.fromEntries(made);
}

/** Routers, clients, and the sidecars by which the nodes of a cluster are on the segments, too. */
export function dockerFabric(parent: pulumi.Resource, args: FabricArgs): Fabric {
    const { model, prefix, claim, images, segments, nodes } = args;
    const networks: Networks = Object.fromEntries(
        Object.entries(segments).map(([name, { network }]) => [dockerName(prefix, name), network]),
    );
    const device = (name: string) => ({
        claim,
        container: containerName(model, prefix, name),
        wiring: wiringSpec(model, name, prefix),
        networks,
    });
    const routers = Object.keys(model.routers).map(
        (name) => new Router(name, { ...device(name), image: images.router, config: frrConf(model, name) }, { parent }),
    );
    const clients = Object.keys(model.hosts).map(
        (name) => new Client(name, { ...device(name), image: images.client }, { parent }),
    );
    const sidecars = Object.entries(nodes).map(
        ([name, node]) => new NodeSidecar(name, { ...device(name), image: images.client, node }, { parent }),
    );
    const own = [model.routers, model.hosts].flatMap((kind) => Object.keys(kind));
    return {
        containers: Object.fromEntries(own.map((name) => [name, containerName(model, prefix, name)])),
        seconds: pulumi.all(routers.map(({ seconds }) => seconds)).apply((all) => Math.max(0, ...all)),
        parts: [...routers, ...clients, ...sidecars].flatMap(({ parts }) => parts),
    };
}
