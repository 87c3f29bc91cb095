"""The only home of torch, transformers, peft and bitsandbytes."""
