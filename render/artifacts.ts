/** All texts that a lab becomes, as files for people who want to read them or take them elsewhere. */

import type { Lab } from "../lab/model";
import { podRouters } from "../lab/pods";
import { currentVersions } from "../lab/versions";
import { calicoResources } from "./calico";
import { calicoChartValues, metallbChartValues } from "./charts";
import { ciliumResources, ciliumValues } from "./cilium";
import { diagram } from "./diagram";
import { mermaidOf } from "./diagram/mermaid";
import { frrConf } from "./frr";
import { gatewayPodResources } from "./gateway-pods";
import { iosXeConfig } from "./ios-xe";
import { kindConfig } from "./kind";
import { metallbResources } from "./metallb";
import { vyosConfigBoot, vyosSetCommands, vyosUser } from "./vyos";
import { workloadResources } from "./workload";
import { yamlDocuments, yamlText } from "./yaml";

/** A file, or why there is none. */
export type Artifact =
    /** Path below the folder of the lab, and the content. */
    | { readonly kind: "file"; readonly path: string; readonly text: string }
    /** The lab asks for something that this kind of file cannot say. */
    | { readonly kind: "left out"; readonly path: string; readonly reason: string };

/** Stands for a password that only a deployed lab has: VyOS takes it for one that nothing matches. */
export const noPassword = "!";

/**
 * The files of a lab: a folder per router, and one for the cluster. In a Pod there is no router but FRR. A text that cannot say what the lab asks for, e.g.
 * that of an operating system that a router does not run, is left out with the reason. Nothing secret is in them.
 */
export function artifacts(lab: Lab): readonly Artifact[] {
    return [
        file("diagram.mmd", () => mermaidOf(diagram(lab, "overview"))),
        ...Object.entries(lab.routers).flatMap(([name, { pod }]) =>
            pod === undefined ? ofRouter(lab, name) : [file(`${name}/frr.conf`, () => frrConf(lab, name))],
        ),
        ...ofCluster(lab),
    ];
}

function ofRouter(lab: Lab, name: string): readonly Artifact[] {
    const login = { user: vyosUser, encryptedPassword: noPassword };
    return [
        file(`${name}/frr.conf`, () => frrConf(lab, name)),
        file(`${name}/config.boot`, () => vyosConfigBoot(lab, name, login)),
        file(`${name}/vyos.set`, () => lines(vyosSetCommands(lab, name, login))),
        file(`${name}/ios-xe.txt`, () => iosXeConfig(lab, name)),
    ];
}

function lines(texts: readonly string[]): string {
    return texts.map((text) => `${text}\n`).join("");
}

function ofCluster(lab: Lab): readonly Artifact[] {
    const { cilium, calico, metallb } = lab.cluster;
    return [
        file("cluster/kind.yaml", () => kindConfig(lab)),
        ...(cilium === undefined
            ? []
            : [
                  file("cluster/cilium-values.yaml", () => yamlText(ciliumValues(lab))),
                  file("cluster/cilium.yaml", () => yamlDocuments(ciliumResources(lab))),
              ]),
        ...(calico === undefined
            ? []
            : [
                  file("cluster/calico-values.yaml", () => yamlText(calicoChartValues())),
                  file("cluster/calico.yaml", () => yamlDocuments(calicoResources(lab))),
              ]),
        ...(metallb === undefined
            ? []
            : [
                  file("cluster/metallb-values.yaml", () => yamlText(metallbChartValues(lab))),
                  file("cluster/metallb.yaml", () => yamlDocuments(metallbResources(lab))),
              ]),
        file("cluster/workload.yaml", () => yamlDocuments(workloadResources(lab))),
        ...(podRouters(lab).length === 0
            ? []
            : [file("cluster/gateway-pods.yaml", () => yamlDocuments(gatewayPodResources(lab, images)))]),
    ];
}

/** Images of Pods where nothing else is said. */
const images = { router: currentVersions.router.reference, client: currentVersions.client.reference };

function file(path: string, text: () => string): Artifact {
    try {
        return { kind: "file", path, text: text() };
    } catch (error) {
        return { kind: "left out", path, reason: error instanceof Error ? error.message : String(error) };
    }
}
