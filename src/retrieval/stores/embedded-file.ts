/** A file in a store whose passages are to get vectors of a model. */
export interface EmbeddedFile {
  /** `store_files.seq` */
  readonly seq: number;
  readonly tenant: string;
  readonly storeId: string;
  readonly fileId: string;
  readonly filename: string;
  readonly path: string | null;
  /** Digest of the model. */
  readonly embedder: string;
}
