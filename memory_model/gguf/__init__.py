"""The tensors of a GGUF file as llama.cpp writes them: their names, their cuts, and the type that a mix gives each."""
