// What `changeset version` writes into a CHANGELOG.md: the texts of the changesets that name the package.
// The default generator adds a list of updated dependencies to every release. Here all packages are
// released together and depend on each other's exact version, so that list says nothing.

/** One list item; later lines are indented, so that they stay inside of it. */
export function getReleaseLine({ summary }: { readonly summary: string }): string {
  return `- ${summary.trim().replaceAll(/\n(?=.)/g, '\n  ')}`
}

export function getDependencyReleaseLine(): string {
  return ''
}
