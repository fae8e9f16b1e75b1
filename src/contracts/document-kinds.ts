/** The kinds of documents that are read, in words, for messages and descriptions; docs/documents.md has the table. */
export const DOCUMENT_KINDS =
  'PDF, Word (.docx), PowerPoint (.pptx), Excel (.xlsx), e-mail (.eml), CSV, JSON lines, Markdown, HTML, plain text and source code';
