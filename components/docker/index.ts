import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Lab as Model } from "../../lab/model";
import { calicoResources } from "../../render/calico";
import { calicoChartValues, metallbChartValues } from "../../render/charts";
import { ciliumResources, ciliumValues } from "../../render/cilium";
import { dockerPrefix, networkName, withoutPods } from "../../render/docker";
import { gatewayPodResources, unsafeSysctls } from "../../render/gateway-pods";
import { kindConfig, nodeLabelChanges } from "../../render/kind";
import { metallbResources } from "../../render/metallb";
import { clusterTargets, peeringControllerResources } from "../../render/peering-controller";
import type { AppliedObject } from "../../render/pod-objects";
import { workloadResources } from "../../render/workload";
import { definitionChecks, objectsOf, readyChecks } from "../../verify/readiness";
import { Calico } from "../calico";
import { Cilium } from "../cilium";
import type { HelmProgram } from "../helm-program";
import { KindCluster } from "../kind-cluster";
import { MetalLb } from "../metallb";
import type { DockerSettings, Runtime, RuntimeOutputs } from "../runtime";
import { Workload } from "../workload";
import { controllerCode } from "./controller-code";
import {
    dockerFabric,
    dockerNodes,
    dockerSegments,
    type Fabric,
    fabricClaim,
    type Place,
    type Segments,
} from "./fabric";
import { Claim, Readiness, Verification } from "./resources";

export {
    dockerFabric,
    dockerNodes,
    dockerSegments,
    type Fabric,
    type FabricArgs,
    fabricClaim,
    type Nodes,
} from "./fabric";

/**
 * Builds a lab in Docker: routers and clients are containers, the cluster is kind's. Networks, containers and cluster are
 * made at the same time; each of them ends with the claim, whose delete sweeps them all at once.
 */
export const docker: Runtime<{ readonly docker: DockerSettings }> = (parent, { model, docker: settings, verify }) => {
    const prefix = dockerPrefix(pulumi.getProject(), pulumi.getStack());
    const fabricModel = withoutPods(model);
    const place: Place = { model: fabricModel, prefix, claim: makeClaim(parent, fabricModel, prefix, settings) };
    const segments = dockerSegments(parent, place);
    const { images } = settings;
    const fabric = dockerFabric(parent, { ...place, images, segments });
    const cluster = makeCluster(parent, { ...place, model }, settings, segments, fabric);
    const nodes = dockerNodes(parent, { ...place, images, segments, nodes: cluster.nodes });
    const programs = makePrograms(parent, model, settings, cluster);
    const objects = [
        ...workloadResources(model, { image: images.web }),
        ...gatewayPodResources(model, images),
        ...controllerObjects(model, images),
    ];
    const workload = new Workload(`${model.name}-workload`, { cluster, objects }, { parent });

    const subject = createHash("sha256")
        .update(JSON.stringify([model, settings]))
        .digest("hex");
    const ready = new Readiness(
        `${model.name}-readiness`,
        {
            controlPlane: cluster.controlPlane,
            clusterId: cluster.identity,
            checks: readyChecks(model),
            objects: objectsOf(model),
            deadline: settings.timeouts.ready,
            subject,
        },
        {
            parent,
            deletedWith: cluster.provider,
            dependsOn: [...programs.flatMap(({ resources }) => resources), ...workload.resources],
        },
    );
    const parts = [...fabric.parts, ...nodes.parts];
    const verification = new Verification(
        `${model.name}-verification`,
        {
            model,
            containers: fabric.containers,
            probes: { ...fabric.probes, ...nodes.probes },
            controlPlane: cluster.controlPlane,
            deadline: verify.deadline,
            subject,
            revision: pulumi
                .all(parts.map(({ revision }) => revision))
                .apply((revisions) => revisions.reduce((sum, each) => sum + each, 0)),
        },
        { parent, deletedWith: place.claim, dependsOn: [ready, ...parts, ...fabric.sidecars] },
    );
    const defined = pulumi.all(programs.map(({ seconds }) => seconds)).apply((all) => Math.max(0, ...all));
    const timings = pulumi
        .all([cluster.seconds, defined, ready.seconds, fabric.seconds, verification.timings])
        .apply(([kind, defining, rolledOut, routers, { sessions, firstAnswer }]) => ({
            kind,
            cni: Math.round(10 * (defining + rolledOut)) / 10,
            routers,
            sessions,
            firstAnswer,
        }));
    return { checksPassed: verification.passed, timings, ...loginsOf(fabric) };
};

/** The program of the controller is made only where one is needed. */
function controllerObjects(model: Model, { controller, client }: DockerSettings["images"]): readonly AppliedObject[] {
    return clusterTargets(model) === undefined
        ? []
        : peeringControllerResources(model, { image: controller, code: controllerCode(), routesImage: client });
}

function loginsOf({ logins }: Fabric): Pick<RuntimeOutputs, "logins"> {
    if (logins.length === 0) {
        return {};
    }
    const all = pulumi.all(
        logins.map(([router, { user, password }]) =>
            password.apply((text) => [router, { user, password: text }] as const),
        ),
    );
    return { logins: pulumi.secret(all.apply((pairs) => Object.fromEntries(pairs))) };
}

function makeClaim(parent: pulumi.Resource, model: Model, prefix: string, { images, binaries }: DockerSettings): Claim {
    const fabric = fabricClaim(model, prefix, images);
    const { name, nodes, nodeSegment } = model.cluster;
    return new Claim(
        `${model.name}-claim`,
        {
            ...fabric,
            containers: [...fabric.containers, ...Object.keys(nodes)],
            images: [...fabric.images, images.node],
            cluster: { name, kind: binaries.kind, network: networkName(model, prefix, nodeSegment) },
        },
        { parent },
    );
}

function makeCluster(
    parent: pulumi.Resource,
    { model, claim }: Place,
    { images, binaries, timeouts, kubeProxyReplacement }: DockerSettings,
    segments: Segments,
    { besideNodes }: Fabric,
): KindCluster {
    const { name, nodes, nodeSegment } = model.cluster;
    const { network, networkId } = segments[nodeSegment]!;
    return new KindCluster(
        name,
        {
            claim,
            cluster: name,
            config: kindConfig(model, {
                image: images.node,
                kubeProxyReplacement,
                unsafeSysctls: unsafeSysctls(model),
            }),
            nodes: Object.keys(nodes),
            network,
            networkId,
            kind: binaries.kind,
            timeout: timeouts.cluster,
            after: besideNodes,
            kubectl: nodeLabelChanges(model),
        },
        { parent },
    );
}

/** The programs of the cluster that Helm installs: its network's, and who assigns addresses to services beside it. */
function makePrograms(
    parent: pulumi.Resource,
    model: Model,
    settings: DockerSettings,
    cluster: KindCluster,
): readonly HelmProgram[] {
    const { cilium, calico, metallb } = model.cluster;
    return [
        ...(cilium === undefined ? [] : [makeCilium(parent, model, settings, cluster)]),
        ...(calico === undefined ? [] : [makeCalico(parent, model, settings, cluster)]),
        ...(metallb === undefined ? [] : [makeMetalLb(parent, model, settings, cluster)]),
    ];
}

function makeCilium(
    parent: pulumi.Resource,
    model: Model,
    { images, chart, values, timeouts, kubeProxyReplacement }: DockerSettings,
    cluster: KindCluster,
): Cilium {
    return new Cilium(
        `${model.name}-cilium`,
        {
            cluster,
            chart,
            values: ciliumValues(model, { images, kubeProxyReplacement, values }),
            objects: ciliumResources(model),
            definitions: definitionChecks(model, "cilium"),
            timeout: timeouts.ready,
        },
        { parent },
    );
}

function makeCalico(
    parent: pulumi.Resource,
    model: Model,
    { calico, timeouts }: DockerSettings,
    cluster: KindCluster,
): Calico {
    const { chart, values } = settingsOf(calico, "calico");
    return new Calico(
        `${model.name}-calico`,
        {
            cluster,
            chart,
            values: calicoChartValues(values),
            objects: calicoResources(model),
            definitions: definitionChecks(model, "calico"),
            timeout: timeouts.ready,
        },
        { parent },
    );
}

function makeMetalLb(
    parent: pulumi.Resource,
    model: Model,
    { metallb, timeouts }: DockerSettings,
    cluster: KindCluster,
): MetalLb {
    const { chart, images, values } = settingsOf(metallb, "metallb");
    return new MetalLb(
        `${model.name}-metallb`,
        {
            cluster,
            chart,
            values: metallbChartValues(model, { images, values }),
            objects: metallbResources(model),
            definitions: definitionChecks(model, "metallb"),
            timeout: timeouts.ready,
        },
        { parent },
    );
}

/** Settings of a program that the lab has. @throws Error when there are none: the settings were made for another lab */
function settingsOf<T>(settings: T | undefined, program: string): T {
    if (settings === undefined) {
        throw new Error(`docker.${program}: the lab has ${program}, and there are no settings for it`);
    }
    return settings;
}
