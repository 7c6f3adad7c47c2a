/** Uniform resource name of Pulumi: `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`. */
export type Urn = string;

/** Type of the resource that stands for the stack itself; children of it do not repeat its type in their URN. */
export const rootStackType = "pulumi:pulumi:Stack";

const providerPrefix = "pulumi:providers:";

/** Builds the URN of a resource from its place in the stack. */
export function createUrn(stack: string, project: string, parent: Urn, type: string, name: string): Urn {
    const parentTypes = parent === "" ? "" : qualifiedType(parent);
    const prefix = parentTypes === "" || parentTypes === rootStackType ? "" : `${parentTypes}$`;
    return `urn:pulumi:${stack}::${project}::${prefix}${type}::${name}`;
}

/** Types of the resource and of its parents, joined by `$`. */
export function qualifiedType(urn: Urn): string {
    return urn.split("::", 3)[2] ?? "";
}

/** Type of the resource itself. */
export function typeOf(urn: Urn): string {
    const types = qualifiedType(urn);
    return types.slice(types.lastIndexOf("$") + 1);
}

/** Name of the resource; it may itself contain `::`. */
export function nameOf(urn: Urn): string {
    return urn.split("::").slice(3).join("::");
}

/** Whether a type token is that of a provider resource. */
export function isProviderType(type: string): boolean {
    return type.startsWith(providerPrefix);
}

/** Type token of the provider resource of a package. */
export function providerType(pkg: string): string {
    return providerPrefix + pkg;
}

/** Package of a provider resource. */
export function providerPackage(type: string): string {
    return type.slice(providerPrefix.length);
}

/** Package of a resource type (`bgplab:index:Router` → `bgplab`). */
export function packageOf(type: string): string {
    return type.split(":", 1)[0] ?? "";
}

/** A provider reference, as resources keep it: `<urn>::<id>`. */
export interface ProviderReference {
    readonly urn: Urn;
    readonly id: string;
}

/** Splits a provider reference at its last `::`. */
export function parseReference(reference: string): ProviderReference {
    const at = reference.lastIndexOf("::");
    return { urn: reference.slice(0, at), id: reference.slice(at + 2) };
}
