"""The only home of torch, transformers, peft and bitsandbytes."""

from sqlforge.model.quiet import hide_kernel_notice

# bitsandbytes says it while it is imported, so whoever imports a module from here is too late.
hide_kernel_notice()
