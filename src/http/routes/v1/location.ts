import { Type } from 'typebox';

/** Where a passage stands in its document, for whoever wants to look it up there. */
export const Location = Type.Union(
  [
    Type.Object({
      type: Type.Enum(['page', 'slide', 'row', 'line'], {
        description: 'Pages of PDF, slides of PowerPoint, rows of Excel; lines of source code, CSV and JSON lines.',
      }),
      first: Type.Integer({ description: 'From 1 on.' }),
      last: Type.Integer({ description: 'Is included.' }),
      sheet: Type.Optional(Type.String({ description: 'The worksheet, of rows.' })),
    }),
    Type.Null(),
  ],
  { description: 'Where the passage stands in its document; null in kinds of documents that number nothing.' },
);
