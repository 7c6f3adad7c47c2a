/** What the charts of MetalLB and Calico are told beside what the lab's model decides: images, and how soon to look. */

import type { Lab } from "../lab/model";
import { calicoValues } from "./calico";
import { type HelmValues, mergeValues } from "./helm";
import { metallbInstallation } from "./metallb";

/** Choices of MetalLB's installation that the model leaves open. */
export interface MetalLbChoices {
    /** Images, as full references. @default those that the chart names */
    readonly images?: { readonly controller?: string; readonly speaker?: string };
    /** Values that go over those of the lab, mapping by mapping. @default {} */
    readonly values?: HelmValues;
}

/** The charts' probes begin after ten seconds, and look every ten: too long for whoever waits for a lab. */
const probes = { readinessProbe: { initialDelaySeconds: 1, periodSeconds: 2 } };

/**
 * Values for the Helm chart of the lab's version of MetalLB.
 *
 * @throws Error when the lab has no MetalLB, or its version has no way to do what the lab asks for
 */
export function metallbChartValues(lab: Lab, { images = {}, values = {} }: MetalLbChoices = {}): HelmValues {
    const installation = metallbInstallation(lab);
    if (installation === undefined) {
        throw new Error(`cluster.metallb: the lab ${lab.name} has no MetalLB`);
    }
    const own = {
        controller: { ...probes, ...image(images.controller) },
        speaker: { ...probes, ...image(images.speaker) },
    };
    return mergeValues(mergeValues({ ...installation.values }, own), values);
}

/** The chart puts a colon between the two parts, whatever they are: before a tag, or within a digest. */
function image(reference: string | undefined) {
    if (reference === undefined) {
        return {};
    }
    const colon = reference.lastIndexOf(":");
    return { image: { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) } };
}

/** Values for the chart of Calico's operator. @param values go over those of the lab, mapping by mapping */
export function calicoChartValues(values: HelmValues = {}): HelmValues {
    return mergeValues({ ...calicoValues() }, values);
}
