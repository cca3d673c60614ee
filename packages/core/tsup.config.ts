import { library } from '../../tsup.library.ts'

export default library({
  entry: [
    'src/index.ts',
    'src/node.ts',
    'src/fetch.ts',
    'src/lambda.ts',
    'src/testing.ts',
    'src/adapter.ts',
    'src/internal.ts',
  ],
})
