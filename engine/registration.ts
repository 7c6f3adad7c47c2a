import { isAbsolute, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type * as messages from "@pulumi/pulumi/proto/resource_pb";
import type { SourcePosition } from "@pulumi/pulumi/proto/source_pb";
import { EngineError, unsupported } from "./errors";
import type { Goal } from "./goal";
import type { CustomTimeouts, StackFrame } from "./state";
import type { Struct } from "./struct";
import { isProviderType, type Urn } from "./urn";
import { type PropertyMap, unsupportedKind } from "./values";

/** Properties of a message. @throws EngineError if they have a kind of value that this engine does not handle */
export function propertiesOf(struct: Struct | undefined, where: string): PropertyMap {
    const properties = (struct?.toJavaScript() ?? {}) as PropertyMap;
    const kind = unsupportedKind(properties);
    if (kind !== undefined) {
        throw unsupported(`${kind} (in ${where})`);
    }
    return properties;
}

/** Version and address that a program asks for are part of a provider's inputs; `__internal` marks them as set. */
export function setVersion(properties: PropertyMap, version: string, downloadUrl: string): void {
    if (version !== "") {
        properties.version = version;
    }
    if (version !== "" || downloadUrl !== "") {
        properties.__internal = downloadUrl === "" ? {} : { pluginDownloadURL: downloadUrl };
    }
}

/** Refuses, by name, options of a resource that this engine does not have. */
export function refuseOptions(request: messages.RegisterResourceRequest): void {
    const used: [boolean, string][] = [
        [request.getRemote(), "a remote component"],
        [request.getImportid() !== "", "the resource option `import`"],
        [request.hasReplacementTrigger(), "the resource option `replacementTrigger`"],
        [request.getReplaceWithList().length > 0, "the resource option `replaceWith`"],
        [request.getTransformsList().length > 0, "the resource option `transforms`"],
        [request.hasHooks(), "the resource option `hooks`"],
        [request.getEnvvarmappingsMap().getLength() > 0, "the resource option `envVarMappings`"],
        [request.getPackageref() !== "", "a parameterized provider"],
        [request.getPluginchecksumsMap().getLength() > 0, "the resource option `pluginChecksums`"],
        [request.getAliasesList().length > 0, "an alias specification (aliases by URN are)"],
    ];
    const [, what] = used.find(([isUsed]) => isUsed) ?? [];
    if (what !== undefined) {
        throw unsupported(`${what} (of ${request.getType()} "${request.getName()}")`);
    }
}

/** The goal that a registration states; options that it leaves out are the parent's. */
export function goalOf(
    request: messages.RegisterResourceRequest,
    parent: Goal | undefined,
    provider: string,
    projectDirectory: string,
): Goal {
    const type = request.getType();
    const name = request.getName();
    if (request.getCustom() && type.split(":").length !== 3) {
        throw new EngineError(
            `type '${type}' of resource '${name}' is not a three-part type token (package:module:name)`,
        );
    }
    const properties = propertiesOf(request.getObject(), `${type} "${name}"`);
    if (isProviderType(type)) {
        setVersion(properties, request.getVersion(), request.getPlugindownloadurl());
    }
    const protect = request.hasProtect() ? request.getProtect() : parent?.protect;
    const retainOnDelete = request.hasRetainondelete() ? request.getRetainondelete() : parent?.retainOnDelete;
    const sourcePosition = positionOf(request.getSourceposition(), projectDirectory);
    const frames = request.getStacktrace()?.getFramesList() ?? [];
    return {
        type,
        name,
        custom: request.getCustom(),
        properties,
        parent: request.getParent(),
        protect,
        dependencies: request.getDependenciesList(),
        propertyDependencies: propertyDependenciesOf(request, properties),
        provider,
        ...(request.getDeletebeforereplacedefined() || request.getDeletebeforereplace()
            ? { deleteBeforeReplace: request.getDeletebeforereplace() }
            : {}),
        ignoreChanges: request.getIgnorechangesList(),
        replaceOnChanges: request.getReplaceonchangesList(),
        additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
        aliases: request.getAliasurnsList(),
        customTimeouts: timeoutsOf(request.getCustomtimeouts()),
        retainOnDelete,
        deletedWith: request.getDeletedwith() || (parent?.deletedWith ?? ""),
        hideDiff: request.getHidediffsList(),
        sourcePosition,
        stackTrace: frames.map((frame) => frameOf(positionOf(frame.getPc(), projectDirectory))),
    };
}

/** Without dependencies per property, each property depends on everything that the resource depends on. */
function propertyDependenciesOf(
    request: messages.RegisterResourceRequest,
    properties: PropertyMap,
): Record<string, Urn[]> {
    const map = request.getPropertydependenciesMap();
    const result: Record<string, Urn[]> = {};
    map.forEach((dependencies: messages.RegisterResourceRequest.PropertyDependencies, key: string) => {
        result[key] = dependencies.getUrnsList();
    });
    for (const key of Object.keys(properties)) {
        result[key] ??= map.getLength() === 0 ? request.getDependenciesList() : [];
    }
    return result;
}

const unitSeconds: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, ns: 1e-9 };

/** Go durations such as `1h30m` to seconds. */
function seconds(duration: string): number {
    const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)/g)];
    if (parts.map(([text]) => text).join("") !== duration) {
        throw new EngineError(
            `unable to parse customTimeout value "${duration}": expected a duration such as 5m or 1h30m`,
        );
    }
    return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * unitSeconds[unit!]!, 0);
}

function timeoutsOf(message: messages.RegisterResourceRequest.CustomTimeouts | undefined): CustomTimeouts {
    const given = {
        create: message?.getCreate(),
        update: message?.getUpdate(),
        delete: message?.getDelete(),
        read: message?.getRead(),
    };
    const set = Object.entries(given).filter(([, duration]) => duration !== undefined && duration !== "");
    return Object.fromEntries(set.map(([key, duration]) => [key, seconds(duration!)])) as CustomTimeouts;
}

/** Position in the program, relative to the project, in the form that checkpoints keep. */
function positionOf(position: SourcePosition | undefined, root: string): string | undefined {
    const uri = position?.getUri() ?? "";
    if (position === undefined || !uri.startsWith("file:")) {
        return undefined;
    }
    const path = fileURLToPath(uri);
    if (!isAbsolute(path)) {
        return undefined;
    }
    const column = position.getColumn() === 0 ? "" : `,${position.getColumn()}`;
    return `project:///${relative(root, path)}#${position.getLine()}${column}`;
}

/** A frame without a position keeps its place in the trace. */
function frameOf(sourcePosition: string | undefined): StackFrame {
    return sourcePosition === undefined ? {} : { sourcePosition };
}
