import * as pulumi from "@pulumi/pulumi";
import { isUplink } from "../../lab/gateway";
import type { Lab as Model } from "../../lab/model";
import type { DockerClaimInputs } from "../../provider/schema";
import { dockerName, networkName, nodePool, segmentGateway, wiringSpec } from "../../render/docker";
import { frrConf } from "../../render/frr";
import { vyosConfigBoot } from "../../render/vyos";
import { vyosWiring } from "../../render/vyos-wiring";
import { Client } from "../client";
import type { Login } from "../credentials";
import type { Networks, WiringSpec } from "../device";
import { type NodeContainer, NodeSidecar } from "../node-sidecar";
import { Router, type RouterArgs } from "../router";
import type { DockerImages } from "../runtime";
import { Segment } from "../segment";
import { RouterSidecar } from "../sidecar";
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
export type FabricImages = Pick<DockerImages, "router" | "vyos" | "client">;

/** Arguments of a fabric. */
export interface FabricArgs extends Place {
    readonly images: FabricImages;
    readonly segments: Segments;
    /** Containers of the cluster's nodes, by name in the model. */
    readonly nodes: Readonly<Record<string, NodeContainer>>;
}

/** The nodes of a cluster on the segments of a lab. */
export interface Nodes {
    /** Containers from which nodes ask, by name in the model. */
    readonly probes: Readonly<Record<string, string>>;
    /** What joins the nodes to the segments. */
    readonly parts: readonly (pulumi.Resource & Revised)[];
}

/** Routers and clients of a lab. */
export interface Fabric {
    /** Their containers, by name in the model. */
    readonly containers: Readonly<Record<string, string>>;
    /** Containers from which they ask, where those are not their own. */
    readonly probes: Readonly<Record<string, string>>;
    /** What makes them work. */
    readonly parts: readonly (pulumi.Resource & Revised)[];
    /** Seconds until the slowest router was configured. */
    readonly seconds: pulumi.Output<number>;
    /** What makes the devices work that are on the network of the cluster's nodes. */
    readonly besideNodes: readonly pulumi.Resource[];
    /** What routers have beside their own containers. */
    readonly sidecars: readonly pulumi.Resource[];
    /** Users of routers whose operating system has any, by name of the router. */
    readonly logins: readonly (readonly [router: string, login: Login])[];
}

/** What the names of a lab's sidecars start with, after the lab's own prefix. */
const sidecarPrefix = "sidecar";

/**
 * Name of the container of a router or client, or of the sidecar of a node. Nodes are called by their cluster's name, which
 * sidecars leave out.
 */
export function containerName(model: Model, prefix: string, device: string): string {
    return device in model.cluster.nodes ? sidecarName(model, prefix, device) : dockerName(prefix, device);
}

function sidecarName({ cluster }: Model, prefix: string, device: string): string {
    const short = device.startsWith(`${cluster.name}-`) ? device.slice(cluster.name.length + 1) : device;
    return dockerName(prefix, `${sidecarPrefix}-${short}`);
}

/** Whether a router needs a container beside its own: images of FRR have neither source NAT nor curl, VyOS has both. */
function hasSidecar({ routers, checks }: Model, device: string): boolean {
    const { nos, sourceNat = [] } = routers[device] ?? {};
    return nos === "frr" && (sourceNat.length > 0 || checks.some(({ from }) => from === device));
}

/** The image of a router. Without one of VyOS there is a finding, and so no lab that would use it. */
function routerImage({ routers }: Model, name: string, { router, vyos = "" }: FabricImages): string {
    return routers[name]?.nos === "vyos" ? vyos : router;
}

/** The part of a claim that is the fabric's. */
export function fabricClaim(
    model: Model,
    prefix: string,
    images: FabricImages,
): Pick<DockerClaimInputs, "networks" | "containers" | "images"> {
    const networks = Object.entries(model.segments).map(([name, { subnets }]) => [
        networkName(model, prefix, name),
        subnets,
    ]);
    const devices = [model.routers, model.hosts, model.cluster.nodes].flatMap((kind) => Object.keys(kind));
    return {
        networks: Object.fromEntries(networks),
        containers: devices.flatMap((device) => [
            containerName(model, prefix, device),
            ...(hasSidecar(model, device) ? [sidecarName(model, prefix, device)] : []),
        ]),
        images: [
            ...new Set([...Object.keys(model.routers).map((name) => routerImage(model, name, images)), images.client]),
        ],
    };
}

/** The segments of a lab. */
export function dockerSegments(parent: pulumi.Resource, { model, prefix, claim }: Place): Segments {
    const made = Object.entries(model.segments).map(([name, { subnets, mtu }]) => {
        const isNodes = name === model.cluster.nodeSegment;
        const args = {
            claim,
            network: networkName(model, prefix, name),
            subnets: subnets.map((subnet) => {
                const pool = isNodes ? nodePool(model, subnet) : undefined;
                return { subnet, gateway: segmentGateway(model, name, subnet), ...(pool ? { pool } : {}) };
            }),
            mtu,
            uplink: isUplink(model, name),
            usualNames: isNodes,
        };
        return [name, new Segment(name, args, { parent })] as const;
    });
    return Object.fromEntries(made);
}

/** What every device is made of: its names in the model and on the engine, and its wiring. */
function deviceArgs({ model, prefix, claim, segments }: Omit<FabricArgs, "nodes">) {
    const networks: Networks = Object.fromEntries(
        Object.entries(segments).map(([name, { network }]) => [networkName(model, prefix, name), network]),
    );
    return (name: string) => ({
        claim,
        container: containerName(model, prefix, name),
        wiring: wiringOf(model, name, prefix),
        networks,
        hasSidecar: hasSidecar(model, name),
    });
}

function wiringOf(model: Model, name: string, prefix: string): WiringSpec {
    const wiring = wiringSpec(model, name, prefix);
    return model.routers[name]?.nos === "vyos" ? vyosWiring(model, name, wiring) : wiring;
}

/** What a router is configured with, by its operating system. */
function configurationOf(model: Model, name: string): Pick<RouterArgs, "nos" | "config"> {
    const { nos } = model.routers[name]!;
    switch (nos) {
        case "frr":
            return { nos, config: () => frrConf(model, name) };
        case "vyos":
            return { nos, config: (login) => vyosConfigBoot(model, name, login) };
    }
}

/** Routers and clients. */
export function dockerFabric(parent: pulumi.Resource, args: Omit<FabricArgs, "nodes">): Fabric {
    const { model, prefix, claim, images } = args;
    const device = deviceArgs(args);
    const routers = Object.keys(model.routers).map((name) => {
        const image = routerImage(model, name, images);
        return [
            name,
            new Router(name, { ...device(name), image, ...configurationOf(model, name) }, { parent }),
        ] as const;
    });
    const clients = Object.keys(model.hosts).map(
        (name) => [name, new Client(name, { ...device(name), image: images.client }, { parent })] as const,
    );
    const beside = routers.filter(([name]) => hasSidecar(model, name));
    const sidecars = beside.map(([name, router]) => {
        const shared = { name: containerName(model, prefix, name), id: router.containerId };
        const { sourceNat } = model.routers[name]!;
        const container = sidecarName(model, prefix, name);
        return new RouterSidecar(
            name,
            { claim, container, image: images.client, shared, ...(sourceNat ? { sourceNat } : {}) },
            { parent },
        );
    });
    const devices = [...routers, ...clients];
    return {
        containers: Object.fromEntries(devices.map(([name]) => [name, containerName(model, prefix, name)])),
        probes: Object.fromEntries(beside.map(([name]) => [name, sidecarName(model, prefix, name)])),
        seconds: pulumi.all(routers.map(([, { seconds }]) => seconds)).apply((all) => Math.max(0, ...all)),
        parts: devices.flatMap(([, { parts }]) => parts),
        besideNodes: devices.filter(([name]) => isBesideNodes(model, name)).flatMap(([, { parts }]) => parts),
        sidecars,
        logins: routers.flatMap(([name, { login }]) => (login === undefined ? [] : [[name, login] as const])),
    };
}

function isBesideNodes({ routers, hosts, cluster }: Model, device: string): boolean {
    const { interfaces = [] } = routers[device] ?? hosts[device] ?? {};
    return interfaces.some(
        ({ attachment }) => attachment.kind === "segment" && attachment.segment === cluster.nodeSegment,
    );
}

/** The sidecars by which the nodes of a cluster are on the segments, too. */
export function dockerNodes(parent: pulumi.Resource, args: FabricArgs): Nodes {
    const { model, prefix, images, nodes } = args;
    const device = deviceArgs(args);
    const sidecars = Object.entries(nodes).map(
        ([name, node]) => new NodeSidecar(name, { ...device(name), image: images.client, node }, { parent }),
    );
    return {
        probes: Object.fromEntries(Object.keys(nodes).map((name) => [name, containerName(model, prefix, name)])),
        parts: sidecars.flatMap(({ parts }) => parts),
    };
}
