import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Lab as Model } from "../../lab/model";
import { ciliumResources, ciliumValues } from "../../render/cilium";
import { dockerName, dockerPrefix } from "../../render/docker";
import { kindConfig, nodeLabelChanges } from "../../render/kind";
import { workloadResources } from "../../render/workload";
import { crdChecks, objectsOf, readyChecks } from "../../verify/readiness";
import { Cilium } from "../cilium";
import { KindCluster } from "../kind-cluster";
import type { DockerSettings, Runtime } from "../runtime";
import { Workload } from "../workload";
import { dockerFabric, dockerSegments, fabricClaim, type Place, type Segments } from "./fabric";
import { Claim, Readiness, Verification } from "./resources";

export { dockerFabric, dockerSegments, type Fabric, type FabricArgs, fabricClaim } from "./fabric";

/**
 * Builds a lab in Docker: routers and clients are containers, the cluster is kind's. Networks, containers and cluster are
 * made at the same time; each of them ends with the claim, whose delete sweeps them all at once.
 */
export const docker: Runtime<{ readonly docker: DockerSettings }> = (parent, { model, docker: settings, verify }) => {
    const prefix = dockerPrefix(pulumi.getProject(), pulumi.getStack());
    const place: Place = { model, prefix, claim: makeClaim(parent, model, prefix, settings) };
    const segments = dockerSegments(parent, place);
    const cluster = makeCluster(parent, place, settings, segments);
    const cilium = makeCilium(parent, model, settings, cluster);
    const objects = workloadResources(model, { image: settings.images.web });
    const workload = new Workload(`${model.name}-workload`, { cluster, objects }, { parent });
    const fabric = dockerFabric(parent, { ...place, images: settings.images, segments, nodes: cluster.nodes });

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
        { parent, deletedWith: cluster.provider, dependsOn: [...cilium.resources, ...workload.resources] },
    );
    const verification = new Verification(
        `${model.name}-verification`,
        {
            model,
            containers: fabric.containers,
            controlPlane: cluster.controlPlane,
            deadline: verify.deadline,
            subject,
            revision: pulumi
                .all(fabric.parts.map(({ revision }) => revision))
                .apply((revisions) => revisions.reduce((sum, each) => sum + each, 0)),
        },
        { parent, deletedWith: place.claim, dependsOn: [ready, ...fabric.parts] },
    );
    const timings = pulumi
        .all([cluster.seconds, cilium.seconds, ready.seconds, fabric.seconds, verification.timings])
        .apply(([kind, defined, rolledOut, routers, { sessions, firstAnswer }]) => ({
            kind,
            cni: Math.round(10 * (defined + rolledOut)) / 10,
            routers,
            sessions,
            firstAnswer,
        }));
    return { checksPassed: verification.passed, timings };
};

function makeClaim(parent: pulumi.Resource, model: Model, prefix: string, { images, binaries }: DockerSettings): Claim {
    const fabric = fabricClaim(model, prefix, images);
    const { name, nodes, nodeSegment } = model.cluster;
    return new Claim(
        `${model.name}-claim`,
        {
            ...fabric,
            containers: [...fabric.containers, ...Object.keys(nodes)],
            images: [...fabric.images, images.node],
            cluster: { name, kind: binaries.kind, network: dockerName(prefix, nodeSegment) },
        },
        { parent },
    );
}

function makeCluster(
    parent: pulumi.Resource,
    { model, claim }: Place,
    { images, binaries, timeouts, kubeProxyReplacement }: DockerSettings,
    segments: Segments,
): KindCluster {
    const { name, nodes, nodeSegment } = model.cluster;
    const { network, networkId } = segments[nodeSegment]!;
    return new KindCluster(
        name,
        {
            claim,
            cluster: name,
            config: kindConfig(model, { image: images.node, kubeProxyReplacement }),
            nodes: Object.keys(nodes),
            network,
            networkId,
            kind: binaries.kind,
            timeout: timeouts.cluster,
            kubectl: nodeLabelChanges(model),
        },
        { parent },
    );
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
            definitions: crdChecks(model),
            timeout: timeouts.ready,
        },
        { parent },
    );
}
