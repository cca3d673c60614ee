import { codeBlocks } from '../../docs/markdown.ts'
import { readDocument } from '../../docs/snippets.ts'
import type { Project } from './project.ts'

/** The documents with modules of a NestJS app, and the folders of a project that they are written to. */
const DOCUMENTS = { mounting: 'docs/mounting.md', readme: 'packages/nest/README.md' } as const

/** Writes the modules of the documents as they stand there, and what they import besides. */
export async function writeDocuments(project: Project): Promise<void> {
  for (const [folder, path] of Object.entries(DOCUMENTS)) {
    await project.write(
      `${folder}/orders.ts`,
      "export { DocumentedOrders as Orders } from '../orders.js'",
    )
    for (const { text } of codeBlocks(readDocument(path))) {
      const name = /^\/\/ src\/([\w.-]+\.ts)\n/.exec(text)?.[1]
      if (name !== undefined) await project.write(`${folder}/${name}`, text)
    }
  }
}
