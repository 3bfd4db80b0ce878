"""Small transformers of every known architecture, and a tokenizer that adds special tokens."""

from __future__ import annotations

import pytest
import torch

WORDS = [
    *("the", "a", "cat", "dog", "saw", "hammer", "sat", "on", "mat", "and", "ran", "far", "away"),
    *("red", "blue", "one", "two", "three"),
]


@pytest.fixture(scope="session")
def tokenizer():
    """Return a word tokenizer that puts <s> before a text and </s> after it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    )


TEXTS = (
    "the cat sat on the mat",
    "a dog ran",
    "the red hammer and the blue saw ran far away",
    "one two three",
    "a cat and a dog",
)


@pytest.fixture(scope="session")
def texts():
    """Return texts of different lengths."""
    return TEXTS


def _build(name: str):
    from transformers import (
        BertConfig,
        BertModel,
        Gemma3ForCausalLM,
        Gemma3TextConfig,
        GPT2Config,
        GPT2LMHeadModel,
        GPTNeoXConfig,
        GPTNeoXForCausalLM,
        LlamaConfig,
        LlamaForCausalLM,
    )

    common = {"vocab_size": 32, "hidden_size": 24, "intermediate_size": 40}
    heads = {"num_hidden_layers": 3, "num_attention_heads": 4}
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    # The initial scale is large, so that layers differ and attention is not uniform.
    scale = {"initializer_range": 0.3}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        if name == "llama":
            config = LlamaConfig(
                **common, **heads, **ids, **scale, num_key_value_heads=2, max_position_embeddings=32
            )
            return LlamaForCausalLM(config).eval()
        if name == "gemma":
            config = Gemma3TextConfig(
                **common, **heads, **ids, **scale, num_key_value_heads=2, head_dim=8
            )
            return Gemma3ForCausalLM(config).eval()
        if name == "gpt2":
            config = GPT2Config(
                vocab_size=32, n_embd=24, n_layer=3, n_head=4, n_positions=32, **ids, **scale
            )
            return GPT2LMHeadModel(config).eval()
        if name == "neox":
            config = GPTNeoXConfig(**common, **heads, **ids, **scale, max_position_embeddings=32)
            return GPTNeoXForCausalLM(config).eval()
        config = BertConfig(**common, **heads, **ids, **scale, max_position_embeddings=32)
        return BertModel(config).eval()


ARCHITECTURES = ("llama", "gemma", "gpt2", "neox", "bert")


@pytest.fixture(scope="session")
def networks():
    """Return one small network per architecture."""
    return {name: _build(name) for name in ARCHITECTURES}


@pytest.fixture(params=ARCHITECTURES)
def network(request, networks):
    """Return each of the small networks in turn."""
    return networks[request.param]
