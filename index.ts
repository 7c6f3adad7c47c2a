import * as pulumi from "@pulumi/pulumi";
import { Lab } from "./components/lab";
import { formatFindings, isError } from "./lab/rules/findings";
import { readLab, written } from "./stacks/config";

const config = new pulumi.Config();

/** A configuration value as it was written. */
function value(key: string): unknown {
    const text = config.get(key);
    return text === undefined ? undefined : written(text);
}

/** The plugins of Docker, commands and Kubernetes are the CLI's to fetch and to run. */
const needsPublishedCli = `bgp-lab:runtime is docker, which the embedded engine cannot run

A lab in Docker needs, on PATH:
  pulumi   the Pulumi CLI (curl -fsSL https://get.pulumi.com | sh, or https://www.pulumi.com/docs/install/)
  docker   with an engine that answers "docker info" (https://docs.docker.com/engine/install/)
  kind     0.20 or newer (go install sigs.k8s.io/kind@latest, or https://kind.sigs.k8s.io/docs/user/quick-start/)
and no BGP_LAB_ENGINE=embedded in the environment. make uses the CLI as soon as it is there.
Without them, the same lab runs in network namespaces: set bgp-lab:runtime to netns.`;

const stackConfig = {
    topology: value("topology"),
    runtime: value("runtime"),
    lab: value("lab"),
    embedded: value("embedded"),
    docker: value("docker"),
    verify: value("verify"),
};
const { lab, settings, findings } = readLab(stackConfig, pulumi.getStack());
if (!lab) {
    throw new pulumi.RunError(`the configuration cannot become a lab\n\n${formatFindings(findings)}`);
}
if (settings.runtime === "docker" && process.env.PULUMI_EMBEDDED_ENGINE !== undefined) {
    throw new pulumi.RunError(needsPublishedCli);
}
const warnings = findings.filter((finding) => !isError(finding));
if (warnings.length > 0) {
    pulumi.log.warn(formatFindings(warnings));
}

const deployed = new Lab(lab.name, { model: lab, ...settings });

/** Outputs of the stack. What a lab does not have is left out, because Pulumi warns of outputs without a value. */
const outputs = {
    /** Name of the topology that planned the lab. */
    topology: lab.topology,
    /** Number of checks that the running lab passed. */
    checksPassed: deployed.checksPassed,
    /** Load-balancer addresses of the services, by name. */
    services: Object.fromEntries(
        lab.cluster.services.map(({ name, loadBalancerAddresses }) => [name, loadBalancerAddresses]),
    ),
    /** Seconds that each phase took when it last ran; only labs in Docker have phases. */
    ...(deployed.timings && { timings: deployed.timings }),
    /** Users of the routers that have any, with their passwords (`pulumi stack output --show-secrets logins`). */
    ...(deployed.logins && { logins: deployed.logins }),
};

export = outputs;
