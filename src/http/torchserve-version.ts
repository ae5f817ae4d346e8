/** The TorchServe whose APIs these are, as it names itself to clients. */
export const torchServeVersion = '0.12.0';
