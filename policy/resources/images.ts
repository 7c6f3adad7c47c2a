import { formatPath, type Path } from "../../lab/path";
import { isMap, type Json, leaves, textAt, valueAt } from "../inputs";
import { flag, texts } from "../parameters";
import { type Resource, resourcePolicy } from "./policy";
import { containerType, isRelease, labType, podContainers, podPlace, remoteImageType } from "./types";

/** Tags that everybody knows to move. */
const movingTags = ["latest"] as const;

/** What runs today runs tomorrow: an image, or a chart that names images, has one version. */
export const pinnedImages = resourcePolicy({
    id: "RES-IMG-001",
    name: "pinned-images",
    description: "Images of containers and pods, and Helm charts, have a version that stays the same.",
    severity: "high",
    source: "Kubernetes documentation, images",
    remediation: "Write the image with a tag that does not move, or better with its digest (name:tag@sha256:…).",
    parameters: {
        requireDigest: flag(
            "Whether a tag is not enough and a digest is asked for, because tags can be pushed again.",
            false,
        ),
        movingTags: texts("Tags that count as no version.", movingTags),
    },
    concerns: (type) =>
        [containerType, remoteImageType, labType].includes(type) || isRelease(type) || podPlace(type) !== undefined,
    *check(resource, { requireDigest = false, movingTags: moving = movingTags }) {
        for (const { place, reference, partial } of images(resource)) {
            const problem = problemOf(reference, requireDigest, moving, partial);
            if (problem !== undefined) {
                yield { at: formatPath(place), ...problem };
            }
        }
        yield* isRelease(resource.type) ? chart(resource) : [];
    },
});

/** An image that a resource names. */
interface NamedImage {
    readonly place: Path;
    readonly reference: string;
    /** Whether the rest, such as the tag, is another one's to say: a chart's. */
    readonly partial?: boolean;
}

function images({ type, inputs }: Resource): readonly NamedImage[] {
    const named = (...place: Path): NamedImage[] => {
        const reference = textAt(inputs, ...place);
        return reference === undefined || reference === "" ? [] : [{ place, reference }];
    };
    switch (type) {
        case containerType:
            return named("image");
        case remoteImageType:
            return named("name");
        case labType:
            // Those of containers and pods are seen there. That of the cluster's nodes is in a text that kind reads.
            return named("docker", "images", "node");
    }
    const pod = podPlace(type);
    return pod === undefined
        ? chartImages(inputs)
        : podContainers(inputs, pod).flatMap(({ place }) => named(...place, "image"));
}

/** Images among the values of a chart: a whole reference, or its parts by the names that charts commonly give them. */
function chartImages(inputs: Json): readonly NamedImage[] {
    const whole = leaves({ values: valueAt(inputs, "values") ?? {} }).flatMap(({ place, value }): NamedImage[] => {
        const [parent, key] = [place.at(-2), place.at(-1)];
        const isWhole = key === "image" || (key === "override" && parent === "image");
        return isWhole && typeof value === "string" && value !== "" ? [{ place, reference: value }] : [];
    });
    return [...whole, ...composed(valueAt(inputs, "values"), ["values"])];
}

function composed(value: Json | undefined, place: Path): readonly NamedImage[] {
    if (value === undefined || !isMap(value)) {
        return [];
    }
    const [repository, tag, digest] = [textAt(value, "repository"), textAt(value, "tag"), textAt(value, "digest")];
    const own: NamedImage[] =
        repository === undefined
            ? []
            : [
                  {
                      place,
                      reference: `${repository}${tag ? `:${tag}` : ""}${digest ? `@${digest}` : ""}`,
                      partial: true,
                  },
              ];
    return [...own, ...Object.entries(value).flatMap(([key, each]) => composed(each, [...place, key]))];
}

function problemOf(reference: string, requireDigest: boolean, moving: readonly string[], partial = false) {
    const { tag, digest } = partsOf(reference);
    if (digest !== undefined) {
        return undefined;
    }
    const fix = `write ${nameOf(reference)}:<version>${requireDigest ? "@sha256:<digest>" : ""}`;
    if (tag === undefined) {
        // A chart completes what its values leave out, and the chart has a version.
        return partial && !requireDigest
            ? undefined
            : { says: `the image ${reference} has neither a tag nor a digest`, fix };
    }
    if (moving.includes(tag)) {
        return { says: `the image ${reference} has the tag ${tag}, which moves`, fix };
    }
    return requireDigest
        ? { says: `the image ${reference} has no digest, and tags can be pushed again`, fix }
        : undefined;
}

/** Tag and digest of a reference (OCI distribution specification, §2.1). An id of an image is a digest, too. */
function partsOf(reference: string): { readonly tag?: string; readonly digest?: string } {
    if (/^sha256:[0-9a-f]{64}$/.test(reference)) {
        return { digest: reference };
    }
    const [, tag, digest] = /^[^@]*?(?::([^/@]+))?(?:@(.+))?$/.exec(reference) ?? [];
    return { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

function nameOf(reference: string): string {
    return reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
}

/** A chart of a repository without a version is the newest one. A folder or archive on this machine is what it is. */
function* chart({ inputs }: Resource) {
    const name = textAt(inputs, "chart") ?? "";
    const isRemote = name.startsWith("oci://") || textAt(inputs, "repositoryOpts", "repo") !== undefined;
    if (isRemote && isNothing(valueAt(inputs, "version"), inputs)) {
        yield {
            at: "version",
            says: `the chart ${name} has no version, so that it is the newest one of the day`,
            fix: "set its version",
        };
    }
}

/** Whether the version is left out; one that is not known yet is there. */
function isNothing(version: Json | undefined, inputs: Json): boolean {
    return version === undefined && !(isMap(inputs) && "version" in inputs);
}
